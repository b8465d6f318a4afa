//! How a customer's chance of a return went, as JSON for the API.

use schemars::JsonSchema;
use serde::Serialize;

use super::signal::{EvidenceJson, REASON_CODES, evidence_of};
use crate::domain::Level;
use crate::domain::risk::Reason;
use crate::engine::{LevelChange, Point, Story};

/// How the chance of a return went, as it follows from what is known today. What was announced at the time may differ, as
/// some of what is known now came late. It begins with the earliest order that is remembered one by one.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Story")]
pub struct StoryJson {
    /// At most 400 points, earliest first and the last as of the partition's time. Between two the chance runs about
    /// straight; where it leaps there is a point a millisecond before.
    curve: Vec<PointJson>,
    /// When the level of this curve changed, earliest first: the latest 400.
    changes: Vec<ChangeJson>,
    /// What moves the chance today, the strongest first, and what it would be without each.
    without: Vec<WithoutJson>,
}

/// The chance of a return at an instant.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChancePoint")]
struct PointJson {
    /// When.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// Probability of an order within the horizon.
    #[schemars(range(min = 0, max = 1))]
    return_probability: f64,
    /// The same as it was just after the last order before.
    #[schemars(range(min = 0, max = 1))]
    usual_return_probability: f64,
    /// The level it makes.
    #[schemars(extend("enum" = Level::ALL.map(Level::name)))]
    level: &'static str,
}

/// A change of level.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LevelChange")]
struct ChangeJson {
    /// The first millisecond of the level.
    #[schemars(extend("format" = "date-time"))]
    at: String,
    /// The level from then on.
    #[schemars(extend("enum" = Level::ALL.map(Level::name)))]
    level: &'static str,
    /// The level before.
    #[schemars(extend("enum" = Level::ALL.map(Level::name)))]
    previous_level: &'static str,
}

/// Today's chance of a return, were one thing not so.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Without")]
struct WithoutJson {
    /// What, with the evidence that the same code has in `reasons`.
    #[schemars(extend("enum" = REASON_CODES))]
    code: &'static str,
    #[serde(flatten)]
    evidence: EvidenceJson,
    /// The chance without it.
    #[schemars(range(min = 0, max = 1))]
    return_probability: f64,
}

impl From<&Story> for StoryJson {
    fn from(story: &Story) -> Self {
        Self {
            curve: story.curve.iter().map(PointJson::from).collect(),
            changes: story.changes.iter().map(ChangeJson::from).collect(),
            without: story.reasons.iter().map(WithoutJson::from).collect(),
        }
    }
}

impl From<&Point> for PointJson {
    fn from(point: &Point) -> Self {
        Self {
            at: point.at.to_string(),
            return_probability: point.return_probability,
            usual_return_probability: point.usual_return_probability,
            level: point.level.name(),
        }
    }
}

impl From<&LevelChange> for ChangeJson {
    fn from(change: &LevelChange) -> Self {
        Self { at: change.at.to_string(), level: change.level.name(), previous_level: change.previous_level.name() }
    }
}

impl From<&Reason> for WithoutJson {
    fn from(reason: &Reason) -> Self {
        let (code, evidence) = evidence_of(&reason.what);
        Self { code, evidence, return_probability: reason.return_probability_without }
    }
}
