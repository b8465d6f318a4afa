//! A real Apache Kafka that lets in who comes with TLS and a SCRAM login, and allows nothing that was not granted. Its
//! certificate is made by the JDK's own tool, its users with its storage, its rights by Kafka's own command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::broker::{CLUSTER_ID, LOG, PROPERTIES, free_ports, jars, java, launch, settings};
use super::child::BoundChild;
use super::cluster::Cluster;
use super::waiting::wait_for;

/// Who may do everything.
const ADMIN: &str = "admin";
const ADMIN_PASSWORD: &str = "a-password-of-the-administrator";

/// Opens the broker's key store, which lies in a folder of the test's own.
const STORE_PASSWORD: &str = "changeit";

pub struct SecuredBroker {
    process: BoundChild,
    /// A back door on loopback for the test's own eyes.
    cluster: Cluster,
    front: String,
    home: TempDir,
}

impl SecuredBroker {
    /// One that knows these users, name and password, none of whom may do anything yet.
    ///
    /// # Panics
    /// When a tool is missing or the broker does not come up.
    pub fn start(users: &[(&str, &str)]) -> Self {
        let libs = jars();
        let home = TempDir::with_prefix("homecoming-secured-").expect("a temporary folder can be made");
        make_certificate(home.path());
        let [port, controller_port, guarded_port, front_port] = free_ports();
        let properties = home.path().join(PROPERTIES);
        let with_front =
            with_front_door(&settings(home.path(), [port, controller_port, guarded_port]), home.path(), front_port);
        fs::write(&properties, with_front).expect("the folder is ours");
        format_with(&libs, &properties, users);
        let mut broker = Self {
            process: launch(&libs, home.path()),
            cluster: Cluster::at(format!("127.0.0.1:{port}")),
            front: format!("127.0.0.1:{front_port}"),
            home,
        };
        broker.wait_until_up();
        broker
    }

    /// The back door.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Where everybody else must come in.
    pub fn front(&self) -> &str {
        &self.front
    }

    /// The authority that signed the broker's certificate, in PEM: the certificate itself.
    pub fn authority(&self) -> PathBuf {
        self.home.path().join(AUTHORITY)
    }

    /// An authority that signed nothing here, in a folder that is made for it.
    pub fn certificate_of_a_stranger(folder: &Path) -> PathBuf {
        fs::create_dir(folder).expect("the folder is ours");
        make_certificate(folder);
        folder.join(AUTHORITY)
    }

    /// Kafka's `kafka-acls.sh`, as the administrator and through the front door.
    pub fn grant(&self, arguments: &[String]) {
        let login = self.home.path().join("admin.properties");
        let module = "org.apache.kafka.common.security.scram.ScramLoginModule";
        let text = format!(
            "security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={module} required username=\"{ADMIN}\" password=\"{ADMIN_PASSWORD}\";
ssl.truststore.type=PEM
ssl.truststore.location={}
",
            self.authority().display()
        );
        fs::write(&login, text).expect("the folder is ours");
        let mut command = java(&jars(), self.home.path());
        command
            .args(["-XX:TieredStopAtLevel=1", "org.apache.kafka.tools.AclCommand", "--bootstrap-server", &self.front])
            .arg("--command-config")
            .arg(login)
            .args(arguments);
        must_succeed(&mut command, "kafka-acls");
    }

    fn wait_until_up(&mut self) {
        let log = self.home.path().join(LOG);
        let read_log = || fs::read_to_string(&log).unwrap_or_default();
        wait_for("the secured broker answers", read_log, || {
            let ended = self.process.exit_status();
            assert!(ended.is_none(), "the secured broker did not start; its log:\n{}", read_log());
            self.cluster.answers().then_some(())
        });
    }
}

const KEY_STORE: &str = "broker.p12";
const AUTHORITY: &str = "authority.pem";

/// A key with a certificate that it signed itself, for loopback, and the latter apart as the authority.
fn make_certificate(home: &Path) {
    let keytool = |arguments: &[&str]| {
        let mut command = Command::new("keytool");
        command.current_dir(home).args(arguments);
        command.args(["-alias", "broker", "-keystore", KEY_STORE, "-storepass", STORE_PASSWORD]);
        must_succeed(&mut command, "keytool, which comes with Java");
    };
    let key = ["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-storetype", "PKCS12"];
    let name = ["-dname", "CN=homecoming-tests", "-ext", "san=ip:127.0.0.1", "-validity", "2"];
    keytool(&[&key[..], &name].concat());
    keytool(&["-exportcert", "-rfc", "-file", AUTHORITY]);
}

/// The other tests' settings with one more listener, and one more who may do everything.
fn with_front_door(settings: &str, home: &Path, port: u16) -> String {
    let mut text = String::new();
    for line in settings.lines() {
        let more = match line.split_once('=').map_or("", |(key, _)| key) {
            "listeners" | "advertised.listeners" => format!(",FRONT://127.0.0.1:{port}"),
            "listener.security.protocol.map" => ",FRONT:SASL_SSL".to_owned(),
            "super.users" => format!(";User:{ADMIN}"),
            _ => String::new(),
        };
        text.push_str(&format!("{line}{more}\n"));
    }
    text.push_str(&format!(
        "listener.name.front.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.front.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.front.ssl.keystore.type=PKCS12
listener.name.front.ssl.keystore.location={}
listener.name.front.ssl.keystore.password={STORE_PASSWORD}
",
        home.join(KEY_STORE).display()
    ));
    text
}

fn format_with(libs: &Path, properties: &Path, users: &[(&str, &str)]) {
    let home = properties.parent().expect("a file lies in a folder");
    let mut command = java(libs, home);
    command.args(["-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]);
    command.arg(properties);
    for (name, password) in [(ADMIN, ADMIN_PASSWORD)].iter().chain(users) {
        command.arg("--add-scram").arg(format!("SCRAM-SHA-512=[name={name},password={password}]"));
    }
    must_succeed(&mut command, "Kafka's storage tool");
}

fn must_succeed(command: &mut Command, what: &str) {
    let done = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{what} could not be started ({error}): run `make setup`"));
    assert!(
        done.status.success(),
        "{what} ended with {}:\n{}{}",
        done.status,
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}
