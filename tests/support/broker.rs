//! A real Apache Kafka of the tests' own: one node, KRaft, on free loopback ports, its data in a temporary folder.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::child::BoundChild;
use super::cluster::Cluster;
use super::waiting::wait_for;

/// Any 16 bytes in URL-safe base64: every broker here is a cluster of its own.
pub(super) const CLUSTER_ID: &str = "aG9tZWNvbWluZy10ZXN0cw";

/// Another process may take a port between our looking and the broker's binding.
const ATTEMPTS: usize = 3;

/// Those who must say who they are: on a listener of their own, with this password. Everybody else may do everything.
pub const USERS: [&str; 7] = ["blind", "deaf", "alone", "mute", "unsure", "forgetful", "fleeting"];
pub const PASSWORD: &str = "correct-horse-battery-staple";

pub struct Broker {
    process: BoundChild,
    cluster: Cluster,
    /// Where [`USERS`] connect to.
    guarded: String,
    home: TempDir,
}

impl Broker {
    /// The one that all tests of this process share. Nobody stops it: it ends with the process.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// One for a test that wants to harm it.
    pub fn start() -> Self {
        let libs = jars();
        for attempt in 1.. {
            match Self::try_start(&libs) {
                Ok(broker) => return broker,
                Err(log) if attempt < ATTEMPTS && log.contains("Address already in use") => {}
                Err(log) => panic!("the Kafka broker did not start; its log:\n{log}"),
            }
        }
        unreachable!("the last attempt panics")
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// `STOP` leaves it there and mute, as a machine that hangs does; `CONT` wakes it.
    pub fn signal(&mut self, name: &str) {
        self.process.signal(name);
    }

    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Starts it again where it was, on what it had written.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start_again(&mut self) {
        self.process.kill9();
        self.process = launch(&jars(), self.home.path());
        assert!(self.is_up(), "the broker did not start again; its log:\n{}", self.log());
    }

    /// Where [`USERS`] connect to.
    pub fn guarded(&self) -> &str {
        &self.guarded
    }

    fn try_start(libs: &Path) -> Result<Self, String> {
        let home = TempDir::with_prefix("homecoming-kafka-").expect("a temporary folder can be made");
        let ports = free_ports();
        let properties = home.path().join(PROPERTIES);
        fs::write(&properties, settings(home.path(), ports)).expect("the folder is ours");
        format_storage(libs, &properties);
        let [port, _, guarded_port] = ports;
        let mut broker = Self {
            process: launch(libs, home.path()),
            cluster: Cluster::at(format!("127.0.0.1:{port}")),
            guarded: format!("127.0.0.1:{guarded_port}"),
            home,
        };
        if broker.is_up() { Ok(broker) } else { Err(broker.log()) }
    }

    /// Waits until it answers, or has ended.
    fn is_up(&mut self) -> bool {
        let log = self.home.path().join(LOG);
        let read_log = || fs::read_to_string(&log).unwrap_or_default();
        wait_for("the Kafka broker answers", read_log, || {
            if self.process.exit_status().is_some() {
                return Some(false);
            }
            self.cluster.answers().then_some(true)
        })
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.path().join(LOG)).unwrap_or_default()
    }
}

pub(super) const PROPERTIES: &str = "server.properties";
pub(super) const LOG: &str = "broker.log";

pub(super) fn launch(libs: &Path, home: &Path) -> BoundChild {
    let output = fs::OpenOptions::new().create(true).append(true).open(home.join(LOG)).expect("the folder is ours");
    let errors = output.try_clone().expect("an open file can be shared");
    let mut java = java(libs, home);
    java.args(["-Xms256m", "-Xmx768m", "-XX:TieredStopAtLevel=1"])
        .arg("kafka.Kafka")
        .arg(home.join(PROPERTIES))
        .stdout(output)
        .stderr(errors);
    BoundChild::spawn(&mut java, home)
}

/// Where the broker's jars are.
///
/// # Panics
/// When they are not there: a test that cannot meet Kafka must not pass for one that did.
pub(super) fn jars() -> PathBuf {
    let libs = std::env::var_os("HOMECOMING_KAFKA_LIBS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".tools/kafka/libs"), PathBuf::from);
    assert!(
        libs.join(".resolved-from").is_file(),
        "these tests need a real Apache Kafka and its jars are not (or not all) in {}: run `make setup` \
         (or tests/broker/setup.sh), or name their folder in HOMECOMING_KAFKA_LIBS",
        libs.display()
    );
    libs
}

pub(super) fn java(libs: &Path, folder: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .current_dir(folder)
        .arg(format!(
            "-Dlog4j2.configurationFile={}",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broker/log4j2.yaml").display()
        ))
        .arg("-cp")
        .arg(libs.join("*"));
    command
}

fn format_storage(libs: &Path, properties: &Path) {
    let folder = properties.parent().expect("a file lies in a folder");
    let formatted = java(libs, folder)
        .args(["-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
        .arg(properties)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!("these tests need Java 17 or later, and `java` could not be started ({error}): run `make setup`")
        });
    assert!(
        formatted.status.success(),
        "Kafka's storage could not be formatted (is `java` 17 or later? `make setup` sees to it):\n{}{}",
        String::from_utf8_lossy(&formatted.stdout),
        String::from_utf8_lossy(&formatted.stderr)
    );
}

pub(super) fn settings(home: &Path, [port, controller_port, guarded_port]: [u16; 3]) -> String {
    let users: Vec<String> = USERS.iter().map(|user| format!("user_{user}=\"{PASSWORD}\"")).collect();
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port},GUARDED://127.0.0.1:{guarded_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},GUARDED://127.0.0.1:{guarded_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,GUARDED:SASL_PLAINTEXT
listener.name.guarded.sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required {};
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
log.dirs={}
{}offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# The heap is small and the keys are few.
log.cleaner.dedupe.buffer.size=16777216
",
        users.join(" "),
        home.join("data").display(),
        include_str!("../broker/single.properties")
    )
}

/// All are held until all are known, or the second could be the first again.
pub(super) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("loopback has a free port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").port())
}
