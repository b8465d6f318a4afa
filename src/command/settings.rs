//! From options to the rules and bounds that the core and the pipeline take.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{self, Clock, Forget, Options, Skew};
use crate::domain::model::Parameters;
use crate::domain::policy::{Actions, Thresholds, Weights};
use crate::domain::time::{Calendar, DAY_MS};
use crate::domain::{EventTime, Policy, Span};
use crate::kafka::Connection;
use crate::pipeline::Settings;

pub(super) fn policy(options: &Options) -> Policy {
    let retention = &options.retention;
    let (model, risk, weights) = (&retention.model, &options.risk, &options.risk.weights);
    let actions = &options.signals.actions;
    Policy {
        calendar: Calendar::in_zone(options.time.time_zone.zone().clone()),
        activity_horizon_days: u32::from(retention.activity_horizon.count()),
        windows: windows(options),
        horizon_days: retention.horizon.as_millis() as f64 / DAY_MS as f64,
        model: Parameters { r: model.r, alpha: model.alpha, a: model.a, b: model.b },
        weights: Weights {
            open_ticket: weights.open_ticket,
            overdue_ticket: weights.overdue_ticket,
            repeated_contact: weights.repeated_contact,
            repeated_contact_floor: weights.repeated_contact_floor,
            low_rating: weights.low_rating,
            painless_resolution: weights.painless_resolution,
            refund: weights.refund,
        },
        thresholds: Thresholds { medium: risk.medium, high: risk.high, margin: risk.margin },
        service_level: span(risk.service_level),
        memory: span(risk.memory),
        high_value_from: risk.high_value_from,
        actions: Actions {
            open_ticket: actions.open_ticket,
            high_value: actions.high_value,
            otherwise: actions.otherwise,
            second_purchase: actions.second_purchase,
        },
        forget_after: match retention.forget_after {
            Forget::Never => None,
            Forget::After(silence) => Some(span(silence)),
        },
        not_before: options.signals.not_before.map(|at| EventTime::from_millis(at.as_millisecond())),
    }
}

/// The windows of the rates, in days.
pub(super) fn windows(options: &Options) -> Vec<u32> {
    options.retention.windows.iter().map(|days| u32::from(days.count())).collect()
}

pub(super) fn span(duration: Duration) -> Span {
    Span::from_millis(duration.as_millis() as i64)
}

/// Some megabytes of each input of a partition at most.
const MAX_WAITING_RECORDS: usize = 5000;

pub(super) fn pipeline(options: &Options, connection: &Connection, default_clock: Clock) -> Settings {
    let (engine, time) = (&options.engine, &options.time);
    Settings {
        commit_interval: engine.commit_interval,
        max_batch_records: engine.max_batch_records,
        max_waiting_records: MAX_WAITING_RECORDS,
        max_timers_per_batch: engine.max_timers_per_batch,
        max_value_bytes: engine.max_value_bytes,
        max_dead_letter_bytes: connection.max_dead_letter_bytes,
        max_future_skew: match time.max_future_skew {
            Skew::Limited(skew) => Some(span(skew)),
            Skew::Unlimited => None,
        },
        allowed_lateness: span(time.allowed_lateness),
        idle_after: time.idle_after,
        wall_clock: time.clock.unwrap_or(default_clock) == Clock::Wall,
        leave_within: engine.drain_timeout.min(Duration::from_secs(3)),
        event_source: format!("/homecoming/{}", connection.group_id),
        fingerprint: fingerprint(options),
        merge_wait: time.merge_wait,
        partitions: 1,
        topics: connection.inputs.clone(),
    }
}

/// What stored state was made with: when any of it changes, the next moments of all customers are worked out anew.
fn fingerprint(options: &Options) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("retention.activity_horizon".to_owned(), options.retention.activity_horizon.to_string()),
        ("time.time_zone".to_owned(), options.time.time_zone.name().to_owned()),
        ("retention.horizon".to_owned(), config::duration::text(options.retention.horizon)),
        ("retention.model".to_owned(), format!("{:?}", options.retention.model)),
        ("risk".to_owned(), format!("{:?}", options.risk)),
    ])
}
