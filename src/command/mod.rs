//! One file a subcommand. The only place that knows everybody, and that reads the clock.

mod check;
mod clock;
mod demo;
mod history;
mod load;
mod predictions;
mod replay;
mod report;
mod run;
mod schema;
mod service;
mod settings;
mod topics;

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::config::{self, ConfigError, Options};
use crate::pipeline::Fault;

/// Live retention signals from Kafka: who came back, who is slipping away, exactly once.
#[derive(Debug, Parser)]
#[command(name = "homecoming", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the service.
    Run(run::Run),
    /// Shows it at work with an embedded broker and a simulated shop: nothing to install.
    Demo(demo::Demo),
    /// Looks whether the service could run here.
    Check(check::Check),
    /// Makes the topics that are missing.
    Topics(topics::Topics),
    /// Writes a simulated shop's events to the input topics.
    Load(load::Load),
    /// Runs the same engine over history on disk, without Kafka.
    Replay(replay::Replay),
    /// Prints the events in and out as AsyncAPI and JSON Schema.
    Schema(schema::Schema),
}

/// The configuration file that most commands take.
#[derive(Clone, Debug, Args)]
struct ConfigFile {
    /// The configuration, as in config/homecoming.toml. Any key can be set by the environment too, such as
    /// HOMECOMING__KAFKA__BOOTSTRAP_SERVERS.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

impl ConfigFile {
    fn load(&self) -> Result<Options, Failure> {
        Ok(Options::load(Some(&self.config), config::environment())?)
    }
}

/// Why a command ends early.
#[derive(Debug)]
enum Failure {
    /// The user asked for something that can't be: exit code 2.
    WrongUse(String),
    /// It was asked rightly and went wrong: exit code 1.
    Failed(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::WrongUse(error.to_string())
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}

/// Parses the arguments, runs the command and says how it went.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(run) => run.execute(),
        Command::Demo(demo) => demo.execute(),
        Command::Check(check) => check.execute(),
        Command::Topics(topics) => topics.execute(),
        Command::Load(load) => load.execute(),
        Command::Replay(replay) => replay.execute(),
        Command::Schema(schema) => schema.execute(),
    };
    let (text, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::WrongUse(text)) => (text, 2),
        Err(Failure::Failed(text)) => (text, 1),
    };
    eprintln!("homecoming: {}", one_line(&text));
    ExitCode::from(code)
}

/// Prints a line. Whoever reads may stop early, as `head` does.
fn say(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("can't write to standard output"),
        _ => Ok(()),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A runtime for the commands that only ask the brokers something.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("can't start a runtime: {error}")))?;
    Ok(runtime.block_on(future))
}
