//! `homecoming run`: the service.

use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use super::service::{Service, Topics};
use super::{ConfigFile, Failure};
use crate::config::Clock;
use crate::telemetry;

/// Runs the service until SIGTERM or Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  homecoming run --config config/homecoming.toml\n\n\
    SIGTERM stops it within 10 s: what is open is committed, the group is left.\n\
    Exit code 0: stopped by a signal; 1: something it can't mend; 2: the configuration is wrong or refused.")]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigFile,
}

impl Run {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let options = self.config.load()?;
        telemetry::start_logging(&options.log).map_err(Failure::WrongUse)?;
        let service = Service::start(&options, Clock::Wall, Topics::Theirs)?;
        let signals = service.runtime().block_on(async {
            Ok::<_, std::io::Error>((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
        });
        let (mut terminate, mut interrupt) =
            signals.map_err(|error| Failure::Failed(format!("can't listen for signals: {error}")))?;
        let (tell, asked_to_stop) = std::sync::mpsc::channel();
        service.runtime().spawn(async move {
            tokio::select! {
                // Waiting for a signal holds nothing, so being cancelled loses nothing.
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            let _gone = tell.send(());
        });
        loop {
            if let Some(ended) = service.ended_within(Duration::from_millis(100)) {
                return ended;
            }
            if asked_to_stop.try_recv().is_ok() {
                info!("stopping");
                let stopped = service.stop(options.engine.drain_timeout);
                if stopped.is_ok() {
                    // Clients that can't reach their brokers would keep the process waiting at its end.
                    std::process::exit(0);
                }
                return stopped;
            }
        }
    }
}
