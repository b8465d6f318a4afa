//! Why a configuration was refused: always one line that names what and where.

use std::fmt;
use std::io;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {file}: {cause}")]
    Unreadable {
        /// The file, as it was given.
        file: String,
        /// What the system says.
        cause: io::Error,
    },
    /// The file is not TOML.
    #[error("{file}:{line} is not TOML: {reason}")]
    Syntax {
        /// The file, as it was given.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// There is no such option.
    #[error("unknown key `{key}` {origin}; did you mean `{nearest}`?")]
    Unknown {
        /// The key, with its section.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// The known key that is most like it.
        nearest: String,
    },
    /// The value of an option cannot be right.
    #[error("`{key}{shown}` {origin} is refused: {reason}")]
    Refused {
        /// The key, with its section.
        key: String,
        /// ` = value`, as far as it may be printed; empty when there is nothing to show.
        shown: String,
        /// Where it stands.
        origin: Origin,
        /// What is allowed.
        reason: String,
    },
    /// Two options do not fit together.
    #[error("`{first}` ({first_says}) {rule} `{second}` ({second_says})")]
    Contradiction {
        /// One key.
        first: String,
        /// Its value and where it stands.
        first_says: String,
        /// What should hold between them, or what is wrong.
        rule: &'static str,
        /// The other key.
        second: String,
        /// Its value and where it stands.
        second_says: String,
    },
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file.
    File {
        /// The file, as it was given.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment, by name.
    Environment(String),
    /// Nobody set it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line } => write!(to, "in {name}:{line}"),
            Self::Environment(variable) => write!(to, "from {variable}"),
            Self::Default => to.write_str("by default"),
        }
    }
}

/// Makes text that an operator wrote fit for one line of a terminal or a log.
pub(super) fn one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}
