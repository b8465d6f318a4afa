//! `homecoming topics`: makes what is missing.

use clap::Args;

use super::{ConfigFile, Failure, block_on, say};
use crate::kafka::Connection;
use crate::pipeline::Fault;

/// Makes the topics that are missing, with the partitions, compaction and sizes the service needs. Never alters one;
/// prints what differs.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  homecoming topics --config config/homecoming.toml --partitions 12 --replication 3\n\n\
    The number of partitions can't be changed later without moving the customers: it bounds how many threads can\n\
    ever share the work."
)]
pub(super) struct Topics {
    #[command(flatten)]
    config: ConfigFile,
    /// Partitions of every topic.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    partitions: i32,
    /// Copies of every partition; the broker's default unless given.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..=100))]
    replication: Option<i32>,
}

impl Topics {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let connection = Connection::new(&self.config.load()?);
        let (made, differences) = block_on(async {
            let made = connection.create_missing(self.partitions, self.replication).await?;
            Ok::<_, Fault>((made, connection.differences(self.partitions, self.replication).await?))
        })??;
        for needed in connection.needed() {
            let state = if made.contains(&needed.name) { "made" } else { "was there" };
            say(format_args!("{:<10} {}", state, needed.name))?;
        }
        for difference in differences {
            say(format_args!("differs    {difference} (left as it is)"))?;
        }
        Ok(())
    }
}
