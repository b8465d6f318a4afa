//! Where values come from: the file, then the environment, which wins.
//!
//! `HOMECOMING__TIME__IDLE_AFTER` sets `time.idle_after`: two underscores part section and key. Under
//! `HOMECOMING__KAFKA__CLIENT__` an underscore stands for a dot, so `…__SECURITY_PROTOCOL` is `security.protocol`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Options;
use super::checks;
use super::error::{ConfigError, Origin, one_line};
use super::tree::{self, CLIENT, Content, Node, Section};

/// What the variables that are ours begin with.
pub(super) const PREFIX: &str = "HOMECOMING__";

/// The environment of this process, for [`Options::load`]. What is no Unicode is read as nearly as it can be.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let lossy = |text: OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (lossy(name), lossy(value)))
}

impl Options {
    /// Reads the file, if there is one, then the environment; what neither sets has its default.
    ///
    /// # Errors
    ///
    /// One line that names the key or the file, and what is wrong with it.
    pub fn load(path: Option<&Path>, environment: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Self::from_text("", "", environment);
        };
        let file = one_line(&path.display().to_string());
        let bytes = fs::read(path).map_err(|cause| ConfigError::Unreadable { file: file.clone(), cause })?;
        let text = str::from_utf8(&bytes).map_err(|error| ConfigError::Syntax {
            line: line_of(&bytes, error.valid_up_to()),
            file: file.clone(),
            reason: "it must be UTF-8 text".to_owned(),
        })?;
        Self::from_text(&file, text, environment)
    }

    /// As [`Options::load`], from text that has been read already; `file` is what refusals call it.
    ///
    /// # Errors
    ///
    /// One line that names the key or the line, and what is wrong with it.
    pub fn from_text(
        file: &str,
        text: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut root = parse(file, text)?;
        lay_over(&mut root, environment);
        let origins = tree::origins(&root);
        let mut options = tree::read(root)?;
        checks::complete(&mut options, &origins)?;
        Ok(options)
    }
}

fn parse(file: &str, text: &str) -> Result<Section, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        file: file.to_owned(),
        line: line_of(text.as_bytes(), error.span().map_or(0, |span| span.start)),
        reason: one_line(error.message()),
    })?;
    let mut root = File { name: file, text }.section(table.into_inner());
    flatten_client(&mut root)?;
    Ok(root)
}

fn line_of(text: &[u8], position: usize) -> usize {
    1 + text.iter().take(position).filter(|byte| **byte == b'\n').count()
}

/// A file being turned into a tree.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    fn section(&self, table: DeTable<'_>) -> Section {
        table.into_iter().map(|(name, value)| self.entry(&name, value)).collect()
    }

    fn entry(&self, name: &Spanned<toml::de::DeString<'_>>, value: Spanned<DeValue<'_>>) -> (String, Node) {
        (name.get_ref().to_string(), self.node(name.span().start, value.into_inner()))
    }

    fn node(&self, position: usize, value: DeValue<'_>) -> Node {
        let line = line_of(self.text.as_bytes(), position);
        let content = match value {
            DeValue::String(text) => Content::Text(text.into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| Content::Bare(number.to_string()), Content::Whole),
            DeValue::Float(number) => {
                number.as_str().parse().map_or_else(|_| Content::Bare(number.to_string()), Content::Real)
            }
            DeValue::Boolean(truth) => Content::Truth(truth),
            DeValue::Datetime(instant) => Content::Bare(instant.to_string()),
            DeValue::Array(list) => {
                Content::List(list.into_iter().map(|item| self.node(item.span().start, item.into_inner())).collect())
            }
            DeValue::Table(table) => Content::Section(self.section(table)),
        };
        Node { origin: Origin::File { name: self.name.to_owned(), line }, content }
    }
}

/// `security.protocol = "SSL"` is a table in a table for TOML and one name for librdkafka.
fn flatten_client(root: &mut Section) -> Result<(), ConfigError> {
    let Some(Content::Section(kafka)) = root.get_mut("kafka").map(|node| &mut node.content) else {
        return Ok(());
    };
    let Some(Content::Section(client)) = kafka.get_mut("client").map(|node| &mut node.content) else {
        return Ok(());
    };
    let mut flat = Section::new();
    flatten("", std::mem::take(client), &mut flat)?;
    *client = flat;
    Ok(())
}

fn flatten(path: &str, section: Section, flat: &mut Section) -> Result<(), ConfigError> {
    for (name, node) in section {
        let name = tree::join(path, &name);
        let origin = node.origin.clone();
        if let Content::Section(below) = node.content {
            flatten(&name, below, flat)?;
        } else if flat.insert(name.clone(), node).is_some() {
            return Err(ConfigError::Refused {
                key: one_line(&tree::join(CLIENT, &name)),
                shown: String::new(),
                origin,
                reason: "it is set twice, once with quotes and once without".to_owned(),
            });
        }
    }
    Ok(())
}

fn lay_over(root: &mut Section, environment: impl Iterator<Item = (String, String)>) {
    // Sorted, so that the same environment is refused for the same variable every time.
    let ours: BTreeMap<_, _> = environment.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    for (variable, value) in ours {
        let path = path_of(&variable[PREFIX.len()..]);
        let origin = Origin::Environment(one_line(&variable));
        insert(root, &path, Node { origin, content: Content::Variable(value) });
    }
}

/// The key that a variable sets, by section and name.
fn path_of(variable: &str) -> Vec<String> {
    let parts: Vec<_> = variable.split("__").map(str::to_ascii_lowercase).collect();
    match parts.as_slice() {
        [kafka, client, property @ ..] if !property.is_empty() && format!("{kafka}.{client}") == CLIENT => {
            vec![kafka.clone(), client.clone(), property.join(".").replace('_', ".")]
        }
        _ => parts,
    }
}

fn insert(section: &mut Section, path: &[String], node: Node) {
    match path {
        [] => {}
        [name] => {
            section.insert(name.clone(), node);
        }
        [name, below @ ..] => {
            let fresh = || Node { origin: node.origin.clone(), content: Content::Section(Section::new()) };
            let inner = section.entry(name.clone()).or_insert_with(fresh);
            // A value where a section should be is refused anyway, and by its own name.
            if let Content::Section(inner) = &mut inner.content {
                insert(inner, below, node);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use super::*;
    use crate::config::{Clock, Days, Forget, Skew};

    const NOTHING: [(&str, &str); 0] = [];

    /// Section, key, value, and what the refusal says is allowed.
    const WRONG_VALUES: [(&str, &str, &str, &str); 29] = [
        ("kafka", "group_id", "7", "it must be text, and not empty"),
        ("kafka", "group_id", "\"\"", "it must be text, and not empty"),
        ("kafka", "bootstrap_servers", "\"a:1,,b:2\"", "it must be host:port, several separated by commas"),
        ("kafka", "instance_id", "\"pod 1\"", "it must be 1 to 249 letters, digits, `.`, `_` or `-`, as Kafka asks"),
        ("topics", "state", "\"..\"", "it must be 1 to 249 letters, digits, `.`, `_` or `-`, as Kafka asks"),
        ("time", "clock", "\"sundial\"", "it must be \"wall\" or \"events\""),
        (
            "time",
            "allowed_lateness",
            "\"soon\"",
            "it must be a duration from 0ms to 365d, such as \"90d\", \"30s\" or \"100ms\"",
        ),
        ("time", "max_future_skew", "5", "it must be a duration such as \"5m\", or \"unlimited\""),
        ("time", "time_zone", "\"Europe/Berln\"", "no such IANA time zone; did you mean \"Europe/Berlin\"?"),
        ("time", "time_zone", "1", "it must be an IANA time zone such as \"Europe/Berlin\""),
        ("retention", "activity_horizon", "\"36h\"", "it must be whole days from \"1d\" to \"3650d\""),
        (
            "retention",
            "horizon",
            "\"0d\"",
            "it must be a duration from 1ms to 3650d, such as \"90d\", \"30s\" or \"100ms\"",
        ),
        (
            "retention",
            "windows",
            "[\"7d\", 30]",
            "it must be a list of whole days from \"1d\" to \"460d\", as in [\"7d\", \"30d\"]",
        ),
        ("retention", "forget_after", "\"0s\"", "it must be a duration above 0 such as \"730d\", or \"never\""),
        ("retention.model", "r", "-0.5", "it must be a number above 0"),
        ("retention.model", "alpha", "inf", "it must be a number above 0"),
        (
            "signals",
            "not_before",
            "2026-01-01",
            "it must be an RFC 3339 time with an offset, such as \"2026-01-01T00:00:00Z\"",
        ),
        ("engine", "threads", "0", "it must be a whole number from 1 to 1024"),
        ("engine", "max_batch_records", "\"many\"", "it must be a whole number from 1 to 1000000"),
        ("engine", "max_value_bytes", "99999999999999999999", "it must be a whole number from 1 to 104857600"),
        ("engine", "max_timers_per_batch", "1.5", "it must be a whole number from 1 to 1000000"),
        (
            "engine",
            "commit_interval",
            "\"61s\"",
            "it must be a duration from 1ms to 1m, such as \"90d\", \"30s\" or \"100ms\"",
        ),
        (
            "engine",
            "drain_timeout",
            "\"10s\"",
            "it must be a duration from 0ms to 9s, such as \"90d\", \"30s\" or \"100ms\"",
        ),
        (
            "http",
            "listen",
            "\"8080\"",
            "it must be an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"",
        ),
        ("http", "token_file", "\"\"", "it must be the path of a file"),
        ("log", "format", "\"xml\"", "it must be \"auto\", \"json\" or \"text\""),
        (
            "log",
            "level",
            "\"warning\"",
            "it must be error, warn, info, debug, trace or off, or several by module such as info,homecoming=debug",
        ),
        (
            "log",
            "level",
            "true",
            "it must be error, warn, info, debug, trace or off, or several by module such as info,homecoming=debug",
        ),
        ("kafka.client", "group.id", "\"g\"", "set `kafka.group_id` instead"),
    ];

    fn environment_of(set: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
        let owned: Vec<_> = set.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        owned.into_iter()
    }

    fn options(text: &str, set: &[(&str, &str)]) -> Options {
        Options::from_text("c.toml", text, environment_of(set)).expect("a right configuration")
    }

    /// The refusal of this text and environment, which is one line.
    fn refusal(text: &str, set: &[(&str, &str)]) -> String {
        let error = Options::from_text("c.toml", text, environment_of(set)).expect_err(text);
        let said = error.to_string();
        assert!(!said.contains(char::is_control), "more than one line: {said}");
        said
    }

    #[test]
    fn nothing_set_is_all_defaults() {
        assert_eq!(options("", &NOTHING), Options::default());
        assert_eq!(Options::load(None, environment_of(&[])).expect("defaults"), Options::default());
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let set = [("HOMECOMING__KAFKA__GROUP_ID", "b"), ("HOMECOMING_PORT", "tcp://10.0.0.1"), ("PATH", "/bin")];
        let options = options("[kafka]\ngroup_id = \"a\"\nbootstrap_servers = \"k:1, l:2\"", &set);
        assert_eq!(options.kafka.group_id, "b");
        assert_eq!(options.kafka.bootstrap_servers, "k:1,l:2");
    }

    #[test]
    fn a_variable_is_read_as_what_its_key_is() {
        let options = options(
            "",
            &[
                ("HOMECOMING__ENGINE__THREADS", "3"),
                ("HOMECOMING__ENGINE__COMMIT_INTERVAL", "250ms"),
                ("HOMECOMING__RETENTION__MODEL__ALPHA", "51"),
                ("HOMECOMING__RETENTION__WINDOWS", "30d, 7d,30d"),
                ("HOMECOMING__RETENTION__FORGET_AFTER", "730d"),
                ("HOMECOMING__TIME__CLOCK", "events"),
                ("HOMECOMING__TIME__MAX_FUTURE_SKEW", "unlimited"),
                ("HOMECOMING__KAFKA__GROUP_ID", "42"),
                ("HOMECOMING__KAFKA__CLIENT__SECURITY_PROTOCOL", "SSL"),
                ("HOMECOMING__KAFKA__CLIENT__SOCKET__TIMEOUT_MS", "1000"),
                ("HOMECOMING__SIGNALS__NOT_BEFORE", "2026-01-01T01:00:00+01:00"),
                ("HOMECOMING__HTTP__LISTEN", "localhost:0"),
                ("HOMECOMING__HTTP__TOKEN", "s3cret"),
            ],
        );
        assert_eq!(options.engine.threads, Some(3));
        assert_eq!(options.engine.commit_interval, Duration::from_millis(250));
        assert_eq!(options.retention.model.alpha, 51.0);
        assert_eq!(options.retention.windows, [Days::of(7), Days::of(30)]);
        assert_eq!(options.retention.forget_after, Forget::After(Duration::from_secs(730 * 86_400)));
        assert_eq!(options.time.clock, Some(Clock::Events));
        assert_eq!(options.time.max_future_skew, Skew::Unlimited);
        assert_eq!(options.kafka.group_id, "42");
        assert_eq!(options.kafka.client.value_of("security.protocol"), Some("SSL"));
        assert_eq!(options.kafka.client.value_of("socket.timeout.ms"), Some("1000"));
        assert_eq!(options.signals.not_before.expect("set").to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(options.http.listen.to_string(), "127.0.0.1:0");
        assert_eq!(options.http.token.expect("set").reveal(), "s3cret");
    }

    #[test]
    fn client_properties_are_taken_quoted_or_not_and_the_environment_wins() {
        let text = r#"
            [kafka.client]
            security.protocol = "SSL"
            "ssl.ca.location" = "/ca.pem"
            session.timeout.ms = 6000
            socket.keepalive.enable = true
            some.ratio = 0.5
            [kafka.client.sasl]
            password = "from the file"
        "#;
        let options = options(text, &[("HOMECOMING__KAFKA__CLIENT__SASL_PASSWORD", "hush")]);
        let found: Vec<_> = options.kafka.client.iter().collect();
        let wanted = [
            ("sasl.password", "hush"),
            ("security.protocol", "SSL"),
            ("session.timeout.ms", "6000"),
            ("socket.keepalive.enable", "true"),
            ("some.ratio", "0.5"),
            ("ssl.ca.location", "/ca.pem"),
        ];
        assert_eq!(found, wanted);
        let printed = format!("{options:?}");
        assert!(printed.contains("/ca.pem") && !printed.contains("hush"), "{printed}");
    }

    #[test]
    fn an_unknown_key_names_the_nearest_and_where_it_stands() {
        let misspelt = "[kafka]\ngroup_id = \"a\"\n\n[time]\nalowed_lateness = \"1h\"";
        assert_eq!(
            refusal(misspelt, &NOTHING),
            "unknown key `time.alowed_lateness` in c.toml:5; did you mean `time.allowed_lateness`?"
        );
        assert_eq!(
            refusal("[tiem]\nclock = \"wall\"", &NOTHING),
            "unknown key `tiem` in c.toml:1; did you mean `time`?"
        );
        assert_eq!(
            refusal("[retention.model]\nalfa = 1", &NOTHING),
            "unknown key `retention.model.alfa` in c.toml:2; did you mean `retention.model.alpha`?"
        );
        assert_eq!(refusal("\"time\\n\" = 1", &NOTHING), "unknown key `time\\n` in c.toml:1; did you mean `time`?");
        assert_eq!(
            refusal("", &[("HOMECOMING__KAFKA__BOOTSTRAP_SERVER", "k:1")]),
            "unknown key `kafka.bootstrap_server` from HOMECOMING__KAFKA__BOOTSTRAP_SERVER; \
             did you mean `kafka.bootstrap_servers`?"
        );
    }

    #[test]
    fn what_is_no_toml_names_the_line() {
        let said = refusal("[kafka]\ngroup_id =\n", &NOTHING);
        assert!(said.starts_with("c.toml:2 is not TOML: "), "{said}");
        assert!(refusal("[kafka]\n[log]\n[kafka]", &NOTHING).starts_with("c.toml:3 is not TOML: "));
    }

    #[test]
    fn a_wrong_value_is_shown_with_what_is_allowed() {
        for (section, key, value, rule) in WRONG_VALUES {
            assert_eq!(
                refusal(&format!("[{section}]\n\n{key} = {value}"), &NOTHING),
                format!("`{section}.{key} = {value}` in c.toml:3 is refused: {rule}")
            );
        }
    }

    #[test]
    fn a_wrong_variable_is_named() {
        assert_eq!(
            refusal("[engine]\nthreads = 2", &[("HOMECOMING__ENGINE__THREADS", "two")]),
            "`engine.threads = \"two\"` from HOMECOMING__ENGINE__THREADS is refused: \
             it must be a whole number from 1 to 1024"
        );
        assert_eq!(
            refusal("", &[("HOMECOMING__LOG__LEVEL", "a\nb")]),
            "`log.level = \"a\\nb\"` from HOMECOMING__LOG__LEVEL is refused: it must be error, warn, info, debug, trace or \
             off, or several by module such as info,homecoming=debug"
        );
    }

    #[test]
    fn a_value_in_place_of_a_section_is_refused_and_not_shown() {
        assert_eq!(
            refusal("http = \"s3cret\"", &NOTHING),
            "`http` in c.toml:1 is refused: it must be a section, as [http] begins one"
        );
        assert_eq!(
            refusal("[kafka]\nclient = \"sasl.password=s3cret\"", &NOTHING),
            "`kafka.client` in c.toml:2 is refused: it must be a section, as [kafka.client] begins one"
        );
        assert_eq!(
            refusal("", &[("HOMECOMING__KAFKA", "x"), ("HOMECOMING__KAFKA__GROUP_ID", "y")]),
            "`kafka` from HOMECOMING__KAFKA is refused: it must be a section, as [kafka] begins one"
        );
    }

    #[test]
    fn refusals_keep_secrets() {
        for (text, variable, value) in [
            ("[http]\ntoken = [\"s3cret\"]", "", ""),
            ("[http.token]\nvalue = \"s3cret\"", "", ""),
            ("[kafka.client]\nsasl.password = [\"s3cret\"]", "", ""),
            ("[kafka.client]\nsasl.pasword = [\"s3cret\"]", "", ""),
            ("[kafka.client]\nssl.key.pem = [\"s3cret\"]", "", ""),
            ("", "HOMECOMING__HTTP__TOKEN", "my s3cret"),
            ("", "HOMECOMING__HTTP__TOKN", "s3cret"),
            ("", "HOMECOMING__HTTP__TOKEN__VALUE", "s3cret"),
            ("[http]\ntoken_file = \"/run/t\"", "HOMECOMING__HTTP__TOKEN", "s3cret"),
            ("[http]\ntoken = \"s3cret", "", ""),
            ("[kafka.client]\nsasl.password = s3cret", "", ""),
        ] {
            let said = refusal(text, &[(variable, value)]);
            assert!(!said.contains("s3cret"), "{said}");
        }
    }

    #[test]
    fn what_exactly_once_rests_on_is_refused_under_every_spelling() {
        for property in [
            "enable.auto.commit",
            "group.id",
            "transactional.id",
            "isolation.level",
            "enable.auto.offset.store",
            "auto.offset.reset",
            "enable.idempotence",
            "partition.assignment.strategy",
            "group.instance.id",
            "bootstrap.servers",
            "metadata.broker.list",
            "auto.commit.enable",
        ] {
            let key = format!("`kafka.client.{property} = \"x\"`");
            let bare = refusal(&format!("[kafka.client]\n{property} = \"x\""), &NOTHING);
            let quoted = refusal(&format!("[kafka.client]\n\"{property}\" = \"x\""), &NOTHING);
            assert_eq!(bare, quoted);
            assert!(bare.starts_with(&format!("{key} in c.toml:2 is refused: ")), "{bare}");
            let variable = format!("HOMECOMING__KAFKA__CLIENT__{}", property.to_uppercase().replace('.', "_"));
            let said = refusal("", &[(&variable, "x")]);
            assert!(said.starts_with(&format!("{key} from {variable} is refused: ")), "{said}");
        }
    }

    #[test]
    fn a_client_property_set_twice_is_refused() {
        assert_eq!(
            refusal("[kafka.client]\n\"a.b\" = 1\na.b = 2", &NOTHING),
            "`kafka.client.a.b` in c.toml:2 is refused: it is set twice, once with quotes and once without"
        );
    }

    #[test]
    fn two_topics_of_one_name_are_refused() {
        assert_eq!(
            refusal("[topics]\nchurn_risk = \"purchases\"", &NOTHING),
            "`topics.purchases` (\"purchases\" by default) must not be the same topic as \
             `topics.churn_risk` (\"purchases\" in c.toml:2)"
        );
    }

    #[test]
    fn a_transaction_outlasts_the_commit_interval() {
        assert_eq!(
            refusal("[engine]\ntransaction_timeout = \"2s\"\ncommit_interval = \"2s\"", &NOTHING),
            "`engine.transaction_timeout` (2s in c.toml:2) must be longer than \
             `engine.commit_interval` (2s in c.toml:3)"
        );
        let by_client = "[kafka.client]\ntransaction.timeout.ms = 1000\n[engine]\ncommit_interval = \"1s\"";
        assert_eq!(
            refusal(by_client, &NOTHING),
            "`kafka.client.transaction.timeout.ms` (1s in c.toml:2) must be longer than \
             `engine.commit_interval` (1s in c.toml:4)"
        );
        assert_eq!(
            refusal("[kafka.client]\ntransaction.timeout.ms = \"10s\"", &NOTHING),
            "`kafka.client.transaction.timeout.ms = \"10s\"` in c.toml:2 is refused: \
             it must be a whole number of milliseconds from 1000 to 3600000"
        );
    }

    #[test]
    fn the_clients_transaction_timeout_is_the_engines() {
        let options = options("[kafka.client]\ntransaction.timeout.ms = 3000", &NOTHING);
        assert_eq!(options.engine.transaction_timeout, Duration::from_secs(3));
    }

    #[test]
    fn windows_longer_than_the_activity_horizon_are_left_out() {
        let options = options("[retention]\nactivity_horizon = \"30d\"", &NOTHING);
        assert_eq!(options.retention.windows, [Days::of(7), Days::of(30)]);
    }

    #[test]
    fn the_token_is_read_from_its_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let text = format!("[http]\ntoken_file = {:?}", path.display().to_string());
        let write = |held: &[u8]| fs::write(&path, held).expect("a file");

        let missing = refusal(&text, &NOTHING);
        assert!(missing.starts_with("`http.token_file = \"/"), "{missing}");
        assert!(missing.contains("in c.toml:2 is refused: cannot read the file: "), "{missing}");

        for held in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            write(held.as_bytes());
            assert_eq!(options(&text, &NOTHING).http.token.expect("read").reveal(), "s3cret");
        }
        for held in ["", "\n", "two words", "a\nb\n"] {
            write(held.as_bytes());
            assert!(
                refusal(&text, &NOTHING)
                    .ends_with("the file holds no token: it must be visible ASCII characters without spaces")
            );
        }
        let both = refusal(&text, &[("HOMECOMING__HTTP__TOKEN", "x")]);
        assert!(
            both.starts_with(
                "`http.token` (*** from HOMECOMING__HTTP__TOKEN) \
                 cannot be set together with `http.token_file` (\"/"
            ),
            "{both}"
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("c.toml");
        let said = |path: &Path| Options::load(Some(path), environment_of(&[])).expect_err("no such file").to_string();
        assert_eq!(said(&path), format!("cannot read {}: No such file or directory (os error 2)", path.display()));
        let mut file = fs::File::create(&path).expect("a file");
        file.write_all(b"[kafka]\ngroup_id = \"\xff\"").expect("written");
        assert_eq!(said(&path), format!("{}:2 is not TOML: it must be UTF-8 text", path.display()));
    }

    #[test]
    fn lines_of_another_system_and_a_mark_at_the_beginning_are_fine() {
        assert_eq!(options("\u{feff}[log]\r\nlevel = \"warn\"\r\n", &NOTHING).log.level, "warn");
    }
}
