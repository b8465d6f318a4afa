//! `homecoming check`: looks whether the service could run here.

use clap::Args;

use super::{ConfigFile, Failure, block_on, say};
use crate::kafka::Connection;
use crate::kafka::examine::{Finding, Verdict};

/// Validates the configuration, connects, and compares what is there with what the service needs: topics, partitions,
/// settings, permissions, and where the latest records' keys lie. Writes nothing and joins no group.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  homecoming check --config config/homecoming.toml\n\n\
    Exit code 0: all well (`warn` lines are worth a look); 1: something would fail; 2: the file is wrong.\n\
    Not tried, because it would leave traces: joining the group, writing records.")]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
}

impl Check {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let options = self.config.load()?;
        let connection = Connection::new(&options);
        connection.check_properties().map_err(|fault| Failure::WrongUse(fault.to_string()))?;
        say(format_args!("ok    {} is a valid configuration", self.config.config.display()))?;
        let findings = block_on(connection.examine())??;
        for Finding { verdict, text } in &findings {
            say(format_args!("{:<5} {text}", word(*verdict)))?;
        }
        match findings.iter().filter(|finding| finding.verdict == Verdict::Fails).count() {
            0 => Ok(()),
            1 => Err(Failure::Failed("one thing would fail, see above".to_owned())),
            count => Err(Failure::Failed(format!("{count} things would fail, see above"))),
        }
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Well => "ok",
        Verdict::Doubtful => "warn",
        Verdict::Fails => "FAIL",
    }
}
