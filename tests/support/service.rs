//! The service as its operator meets it: a configuration file, a process, a log, an HTTP port.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::child::BoundChild;
use super::cluster::Cluster;
use super::log::Log;
pub use super::running::Service;

/// One shop's own corner of the broker: topics, a group and a configuration that no other test uses.
pub struct Shop {
    name: String,
    cluster: Cluster,
    folder: TempDir,
    port: u16,
    settings: Settings,
}

type Settings = BTreeMap<String, BTreeMap<String, String>>;

/// One of several processes that share the work of a shop. Each has its own port, log and configuration file.
pub struct Instance {
    name: String,
    port: u16,
    is_static: bool,
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

    /// A member of the group with a name of its own, as the pods of a StatefulSet have, or with none.
    pub fn instance(&self, name: &str, is_static: bool) -> Instance {
        Instance { name: name.to_owned(), port: free_port(), is_static }
    }

    /// Starts `homecoming run`. Its log and its errors go on where an earlier run's ended.
    pub fn start(&self) -> Service {
        self.start_with("service", self.port, self.write_config())
    }

    /// Starts `homecoming run` as one of several.
    pub fn start_as(&self, instance: &Instance) -> Service {
        let mut settings = self.settings.clone();
        let kafka = settings.entry("kafka".to_owned()).or_default();
        if instance.is_static {
            kafka.insert("instance_id".to_owned(), format!("\"{}-{}\"", self.name, instance.name));
        } else {
            kafka.remove("instance_id");
        }
        let http = settings.entry("http".to_owned()).or_default();
        http.insert("listen".to_owned(), format!("\"127.0.0.1:{}\"", instance.port));
        let config = self.write(&format!("{}.toml", instance.name), &settings);
        self.start_with(&instance.name, instance.port, config)
    }

    fn start_with(&self, name: &str, port: u16, config: PathBuf) -> Service {
        let log = Log::of(self.folder.path(), name, self.secrets());
        let mut command = self.command();
        command.arg("run").arg("--config").arg(config);
        log.take(&mut command);
        let process = BoundChild::spawn(&mut command, self.folder.path());
        Service::new(process, log, port, self.token())
    }

    fn token(&self) -> Option<String> {
        self.settings.get("http")?.get("token").map(|token| token.trim_matches('"').to_owned())
    }

    /// What must be shown nowhere.
    fn secrets(&self) -> Vec<String> {
        let all = self.settings.values().flatten();
        let secret = all.filter(|(key, _)| key.contains("token") || key.contains("password"));
        secret.map(|(_, value)| value.trim_matches('"').to_owned()).collect()
    }

    fn command(&self) -> Command {
        // A long run names a copy, so that a build meanwhile does not change what it is about.
        let program = std::env::var_os("HOMECOMING_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_homecoming").into());
        let mut command = Command::new(program);
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
        self.write("homecoming.toml", &self.settings)
    }

    fn write(&self, name: &str, settings: &Settings) -> PathBuf {
        let mut text = String::new();
        for (section, keys) in settings {
            text.push_str(&format!("[{section}]\n"));
            for (key, value) in keys {
                text.push_str(&format!("{key} = {value}\n"));
            }
            text.push('\n');
        }
        let path = self.file(name);
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

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}
