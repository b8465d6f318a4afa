//! The log: JSON where no person watches, text where one does.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogOptions};

/// Starts the log on stdout. Fails with a readable line when `log.level` is no filter.
pub fn start(options: &LogOptions) -> Result<(), String> {
    let filter = EnvFilter::try_new(&options.level)
        .map_err(|error| format!("`log.level = \"{}\"` is refused: {error}", options.level))?;
    // rdkafka's own lines repeat what our contexts and observers say, some of them as errors that are none.
    let without = |filter: EnvFilter, target: &str| {
        target.parse().map(|directive| filter.add_directive(directive)).map_err(|error| format!("log filter: {error}"))
    };
    let filter = without(without(filter, "rdkafka=off")?, "librdkafka=off")?;
    let as_json = match options.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stdout().is_terminal(),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    // A second start in one process (tests) keeps the first one's settings.
    let _already_started = if as_json { log.json().flatten_event(true).try_init() } else { log.compact().try_init() };
    Ok(())
}
