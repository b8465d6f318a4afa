//! From what is known to the level that is announced.

use uuid::Uuid;

use crate::domain::risk::Assessment;
use crate::domain::signal::{Action, ChurnRisk, RiskKind};
use crate::domain::{Customer, CustomerId, EventTime, Level, Policy, identity};

/// Sets the level as of `at` and says so if it changed. `cause` names what happened, for the signal's id.
pub(super) fn settle(
    id: &CustomerId,
    customer: &mut Customer,
    level: Level,
    at: EventTime,
    cause: &str,
    policy: &Policy,
) -> Option<ChurnRisk> {
    let previous_level = customer.standing.level;
    customer.standing.evaluated_at = customer.standing.evaluated_at.max(Some(at));
    if level == previous_level {
        return None;
    }
    let assessment = Assessment::of(&customer.purchases, at, policy)?;
    let signal_id = identity::id_of(&[ChurnRisk::TYPE, id.as_str(), cause, &at.to_string(), level.name()]);
    let episode = customer.standing.episode.unwrap_or_else(|| episode_of(signal_id));
    customer.standing.level = level;
    customer.standing.episode = (level != Level::Low).then_some(episode);
    Some(ChurnRisk {
        id: signal_id,
        customer: id.clone(),
        at,
        kind: RiskKind::of(previous_level, level),
        episode,
        level,
        previous_level,
        assessment,
        action: (level != Level::Low).then_some(Action::WinBackOffer),
    })
}

/// An episode is named after the signal that opened it.
fn episode_of(raised: Uuid) -> Uuid {
    identity::id_of(&["episode", &raised.to_string()])
}

/// The level an event leaves the customer at. Only time makes a customer lapse, and only a later order brings them
/// back, so an event can but confirm a lapse or end it.
pub(super) fn level_after_event(customer: &Customer, at: EventTime, policy: &Policy) -> Level {
    let lapse = customer.purchases.last().and_then(|last| policy.active_until(last.at));
    match (customer.standing.level, lapse) {
        (Level::Lapsed, Some(lapse)) if lapse <= at => Level::Lapsed,
        _ => Level::Low,
    }
}
