//! The service as its operator meets it: a configuration file, a process, a log, an HTTP port.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::child::BoundChild;
use super::cluster::Cluster;
use super::waiting::wait_for;

/// Three times what the contract promises: only a service that does not stop at all is worth a failure here.
const STOPS_WITHIN: Duration = Duration::from_secs(60);

/// As much of a log as tells the story of its end.
const TAIL_LINES: usize = 60;

/// One shop's own corner of the broker: topics, a group and a configuration that no other test uses.
pub struct Shop {
    name: String,
    cluster: Cluster,
    folder: TempDir,
    port: u16,
    settings: BTreeMap<String, BTreeMap<String, String>>,
}

impl Shop {
    /// Nothing is created yet: neither topics nor a process.
    pub fn open(cluster: &Cluster, name: &str) -> Self {
        let port = free_port();
        let mut shop = Self {
            name: name.to_owned(),
            cluster: cluster.clone(),
            folder: TempDir::with_prefix(format!("homecoming-{name}-")).expect("a temporary folder can be made"),
            port,
            settings: BTreeMap::new(),
        };
        shop.set_text("kafka", "bootstrap_servers", cluster.bootstrap());
        shop.set_text("kafka", "group_id", &shop.group_id());
        // A member with a name of its own is let in again at once after a kill -9.
        shop.set_text("kafka", "instance_id", &format!("{name}-1"));
        for topic in Topic::ALL {
            shop.set_text("topics", topic.key(), &shop.topic(topic));
        }
        shop.set_text("time", "clock", "events");
        shop.set_text("http", "listen", &format!("127.0.0.1:{port}"));
        shop
    }

    /// Sets a key of the configuration file to a text.
    pub fn set_text(&mut self, section: &str, key: &str, value: &str) {
        self.set_number(section, key, &format!("{value:?}"));
    }

    /// Sets a key of the configuration file to what needs no quotes.
    pub fn set_number(&mut self, section: &str, key: &str, value: &str) {
        self.settings.entry(section.to_owned()).or_default().insert(key.to_owned(), value.to_owned());
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub fn topic(&self, topic: Topic) -> String {
        format!("{}-{}", self.name, topic.key().replace('_', "-"))
    }

    pub fn group_id(&self) -> String {
        format!("{}-group", self.name)
    }

    /// A file of this shop's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a subcommand to its end, which must be a good one.
    pub fn homecoming(&self, arguments: &[&str]) -> Output {
        let output = self.try_homecoming(arguments);
        assert!(
            output.status.success(),
            "`homecoming {}` ended with {}:\n{}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        output
    }

    /// Runs a subcommand to its end; `CONFIG` among the arguments stands for this shop's file.
    pub fn try_homecoming(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        for argument in arguments {
            match *argument {
                "CONFIG" => command.arg(self.write_config()),
                other => command.arg(other),
            };
        }
        command.stdin(Stdio::null()).output().expect("the homecoming binary can be started")
    }

    /// Starts `homecoming run`. Its log and its errors go on where an earlier run's ended.
    pub fn start(&self) -> Service {
        let (log, errors) = (self.file("service.log"), self.file("service.errors"));
        let append =
            |path: &Path| fs::OpenOptions::new().create(true).append(true).open(path).expect("the folder is ours");
        let errors_before = text_of(&errors).len();
        let mut command = self.command();
        command.arg("run").arg("--config").arg(self.write_config()).stdout(append(&log)).stderr(append(&errors));
        let process = BoundChild::spawn(&mut command, self.folder.path());
        Service { process, log, errors, errors_before, port: self.port }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homecoming"));
        command.current_dir(self.folder.path());
        // Settings of the person who runs the tests are not the test's.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HOMECOMING__") {
                command.env_remove(name);
            }
        }
        command
    }

    fn write_config(&self) -> PathBuf {
        let mut text = String::new();
        for (section, keys) in &self.settings {
            text.push_str(&format!("[{section}]\n"));
            for (key, value) in keys {
                text.push_str(&format!("{key} = {value}\n"));
            }
            text.push('\n');
        }
        let path = self.file("homecoming.toml");
        fs::write(&path, text).expect("the folder is ours");
        path
    }
}

/// The topics of a shop by their key in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Purchases,
    Support,
    Contacts,
    ReturningCustomers,
    ChurnRisk,
    DeadLetters,
    State,
}

impl Topic {
    pub const ALL: [Self; 7] = [
        Self::Purchases,
        Self::Support,
        Self::Contacts,
        Self::ReturningCustomers,
        Self::ChurnRisk,
        Self::DeadLetters,
        Self::State,
    ];

    const fn key(self) -> &'static str {
        match self {
            Self::Purchases => "purchases",
            Self::Support => "support",
            Self::Contacts => "contacts",
            Self::ReturningCustomers => "returning_customers",
            Self::ChurnRisk => "churn_risk",
            Self::DeadLetters => "dead_letters",
            Self::State => "state",
        }
    }
}

/// A running `homecoming run`.
pub struct Service {
    process: BoundChild,
    log: PathBuf,
    errors: PathBuf,
    /// How much an earlier run had written there.
    errors_before: usize,
    port: u16,
}

impl Service {
    /// Waits until it says that it has restored what it was given.
    pub fn wait_until_ready(&mut self) {
        self.wait_until("/readyz answers 200", |service| {
            service.http_get("/readyz").is_some_and(|(status, _)| status == 200)
        });
    }

    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let (log, errors) = (self.log.clone(), self.errors.clone());
        wait_for(
            what,
            || ends_of(&log, &errors),
            || {
                if let Some(status) = self.process.exit_status() {
                    panic!("the service ended by itself ({status}) before: {what}\n{}", self.last_words());
                }
                holds(self).then_some(())
            },
        );
    }

    /// Status and body, or nothing when nobody answers.
    pub fn http_get(&self, path: &str) -> Option<(u16, String)> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .build()
            .into();
        let mut response = agent.get(format!("http://127.0.0.1:{}{path}", self.port)).call().ok()?;
        let body = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), body))
    }

    /// The answer to a question that must have one.
    pub fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) =
            self.http_get(path).unwrap_or_else(|| panic!("nobody answered GET {path}\n{}", self.last_words()));
        assert_eq!(status, 200, "GET {path} answered {status}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("GET {path} gave no JSON ({error}): {body}"))
    }

    pub fn kill9(&mut self) {
        assert!(self.process.exit_status().is_none(), "it ended before it was killed:\n{}", self.last_words());
        self.process.kill9();
    }

    /// SIGTERM, and the end that must follow by itself. Says how long that took.
    pub fn terminate(mut self) -> Duration {
        self.process.signal("TERM");
        let (status, took) = self.wait_for_exit(STOPS_WITHIN).unwrap_or_else(|| {
            panic!("the service was still there {STOPS_WITHIN:?} after SIGTERM\n{}", self.last_words())
        });
        assert_eq!(status.code(), Some(0), "SIGTERM must end it well\n{}", self.last_words());
        took
    }

    pub fn wait_for_exit(&mut self, limit: Duration) -> Option<(ExitStatus, Duration)> {
        self.process.wait_for_exit(limit)
    }

    /// What this run has written to its standard error.
    pub fn error_text(&self) -> String {
        text_of(&self.errors).split_off(self.errors_before)
    }

    /// For a person who wants to know why.
    pub fn last_words(&self) -> String {
        ends_of(&self.log, &self.errors)
    }
}

fn ends_of(log: &Path, errors: &Path) -> String {
    format!("its log ends:\n{}\nits standard error ends:\n{}", tail(log), tail(errors))
}

fn tail(log: &Path) -> String {
    let text = text_of(log);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn text_of(log: &Path) -> String {
    fs::read(log).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}
