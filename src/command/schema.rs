//! `homecoming schema`: the contract for machines.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::Value;

use super::{Failure, say};
use crate::config::TopicOptions;
use crate::wire::schema::{self, TopicNames};

/// Prints the AsyncAPI 3 document of all topics and events, or writes it to a folder together with a JSON Schema of
/// every event.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  homecoming schema --out schemas\n\n\
    writes schemas/asyncapi.json and schemas/<event>.schema.json, such as schemas/purchase.schema.json. The topics\n\
    are named as they are by default.")]
pub(super) struct Schema {
    /// The folder to write to; made if it is not there. Without it the AsyncAPI document goes to stdout.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Schema {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let topics = TopicOptions::default();
        let document = schema::async_api(&TopicNames {
            purchases: &topics.purchases,
            support: &topics.support,
            contacts: &topics.contacts,
            returning_customers: &topics.returning_customers,
            churn_risk: &topics.churn_risk,
            dead_letters: &topics.dead_letters,
        });
        let Some(folder) = self.out else {
            return say(format_args!("{document:#}")).map_err(Failure::from);
        };
        fs::create_dir_all(&folder).with_context(|| format!("can't make the folder {}", folder.display()))?;
        write(&folder, "asyncapi.json", &document)?;
        for event in schema::all() {
            write(&folder, &format!("{}.schema.json", event.name), &event.schema)?;
        }
        Ok(())
    }
}

fn write(folder: &Path, name: &str, json: &Value) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, format!("{json:#}\n")).with_context(|| format!("can't write {}", path.display()))?;
    say(format_args!("{}", path.display()))
}
