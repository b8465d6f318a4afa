//! From what is known to the level that is announced.

use uuid::Uuid;

use crate::domain::risk::{Assessment, Outlook};
use crate::domain::signal::{Action, ChurnRisk, RiskKind};
use crate::domain::{Customer, CustomerId, EventTime, Level, Policy, identity};

/// Sets the level as of `at`, says so if it changed, and works out when it will change by itself. `cause` names what
/// happened, for the signal's id.
pub(super) fn settle(
    id: &CustomerId,
    customer: &mut Customer,
    (outlook, level): (&Outlook<'_>, Level),
    at: EventTime,
    cause: &str,
    policy: &Policy,
) -> Option<ChurnRisk> {
    let previous_level = customer.standing.level;
    customer.standing.evaluated_at = customer.standing.evaluated_at.max(Some(at));
    customer.standing.level = level;
    customer.standing.next_change = outlook.next_change(customer, at);
    if level == previous_level {
        return None;
    }
    let assessment = Assessment::with(outlook, customer, at)?;
    let is_at_risk = matches!(level, Level::Medium | Level::High);
    customer.standing.value_at_risk = (level != Level::Low).then_some(assessment.value_at_risk);
    customer.standing.level_since = is_at_risk.then_some(at);
    let signal_id = identity::id_of(&[ChurnRisk::TYPE, id.as_str(), cause, &at.to_text(), level.name()]);
    let episode = customer.standing.episode.unwrap_or_else(|| episode_of(signal_id));
    customer.standing.episode = (level != Level::Low).then_some(episode);
    Some(ChurnRisk {
        id: signal_id,
        customer: id.clone(),
        at,
        kind: RiskKind::of(previous_level, level),
        episode,
        level,
        previous_level,
        action: action_for(level, &assessment, policy),
        assessment,
        channels: customer.consents.granted(at).collect(),
    })
}

/// Sets the level of somebody who has not lapsed after all, as of `at`. Nothing happened, so nothing is said.
pub(super) fn settle_quietly(customer: &mut Customer, outlook: &Outlook<'_>, at: EventTime) {
    customer.standing.level = outlook.level_after_event(customer, at);
    let standing = &mut customer.standing;
    let is_at_risk = standing.level != Level::Low;
    standing.evaluated_at = Some(at);
    standing.episode = standing.episode.filter(|_| is_at_risk);
    standing.value_at_risk = standing.value_at_risk.filter(|_| is_at_risk);
    standing.level_since = is_at_risk.then_some(at);
}

/// An episode is named after the signal that opened it.
fn episode_of(raised: Uuid) -> Uuid {
    identity::id_of(&["episode", raised.hyphenated().encode_lower(&mut Uuid::encode_buffer())])
}

/// What to do about a customer, first things first: a problem is solved before anything is offered, and much at stake
/// deserves a person.
pub fn action_for(level: Level, assessment: &Assessment, policy: &Policy) -> Option<Action> {
    if level == Level::Low {
        return None;
    }
    let value = assessment.value_at_risk;
    let unit = 10i64.pow(value.currency.decimals()) as f64;
    if assessment.has_open_ticket() {
        policy.actions.open_ticket
    } else if value.minor as f64 >= policy.high_value_from * unit {
        policy.actions.high_value
    } else {
        policy.actions.otherwise
    }
}
