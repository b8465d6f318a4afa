//! What customers say when asked.

/// A score on a scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rating {
    /// Which scale.
    pub scale: Scale,
    /// The score, within the scale's range.
    pub score: f64,
}

/// A scale of satisfaction or effort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scale {
    /// Customer satisfaction, 1 to 5.
    Csat,
    /// Customer effort, 1 to 7, where 7 is the least effort.
    Ces,
    /// Likelihood to recommend, 0 to 10.
    Nps,
}

impl Scale {
    /// All scales.
    pub const ALL: [Self; 3] = [Self::Csat, Self::Ces, Self::Nps];

    /// Its name in events and signals.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csat => "csat",
            Self::Ces => "ces",
            Self::Nps => "nps",
        }
    }

    /// The least and the greatest score.
    pub const fn range(self) -> (f64, f64) {
        match self {
            Self::Csat => (1.0, 5.0),
            Self::Ces => (1.0, 7.0),
            Self::Nps => (0.0, 10.0),
        }
    }
}

impl Rating {
    /// A rating, unless the score is out of the scale's range.
    pub fn new(scale: Scale, score: f64) -> Option<Self> {
        let (least, greatest) = scale.range();
        (least..=greatest).contains(&score).then_some(Self { scale, score })
    }

    /// The score in millionths, so that scores add up exactly in any order.
    pub fn millionths(&self) -> i64 {
        libm::rint(self.score * 1e6) as i64
    }

    /// Whether it says that something went wrong: csat ≤ 2, ces ≤ 3.
    pub fn is_low(&self) -> bool {
        match self.scale {
            Scale::Csat => self.score <= 2.0,
            Scale::Ces => self.score <= 3.0,
            Scale::Nps => false,
        }
    }
}
