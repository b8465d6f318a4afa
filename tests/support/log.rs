//! What a process of ours writes: its log on standard output, its last words on standard error. Both go to places where
//! anybody may read them, so they must be of a form that programs read, and tell nothing of a customer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::told;

/// As much of a log as tells the story of its end.
const TAIL_LINES: usize = 60;

/// The log of one run.
#[derive(Clone)]
pub struct Log {
    log: PathBuf,
    errors: PathBuf,
    /// How much earlier runs had written there.
    log_before: usize,
    errors_before: usize,
    /// What the configuration keeps secret.
    secrets: Vec<String>,
}

impl Log {
    pub fn of(folder: &Path, name: &str, secrets: Vec<String>) -> Self {
        let (log, errors) = (folder.join(format!("{name}.log")), folder.join(format!("{name}.errors")));
        let (log_before, errors_before) = (text_of(&log).len(), text_of(&errors).len());
        Self { log, errors, log_before, errors_before, secrets }
    }

    /// Directs what a process will write to here, behind what earlier runs have written.
    pub fn take(&self, command: &mut Command) {
        let append =
            |path: &Path| fs::OpenOptions::new().create(true).append(true).open(path).expect("the folder is ours");
        command.stdout(append(&self.log)).stderr(append(&self.errors));
    }

    /// What this run has written to its standard error.
    pub fn error_text(&self) -> String {
        text_of(&self.errors).split_off(self.errors_before)
    }

    /// What this run has logged so far.
    ///
    /// # Panics
    /// When a line is not what programs that collect logs expect.
    pub fn lines(&self) -> Vec<Value> {
        let text = text_of(&self.log).split_off(self.log_before);
        // Who is killed may leave half a line, or one may be on its way right now.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(parsed).collect()
    }

    /// # Panics
    /// When something of a customer or a secret was written, or the service itself found something wrong with itself.
    pub fn must_be_fit_to_show(&self) {
        for mut line in self.lines() {
            assert!(line.get("invariant").is_none(), "what always holds did not: {line}");
            line.as_object_mut().expect("it was looked at").remove("timestamp");
            self.must_tell_nothing(&line.to_string());
        }
        self.error_text().lines().for_each(|line| self.must_tell_nothing(line));
    }

    fn must_tell_nothing(&self, line: &str) {
        let secret = self.secrets.iter().find(|secret| line.contains(secret.as_str()));
        assert!(secret.is_none(), "a secret is shown: {line}");
        let told = told::of_a_customer(line);
        assert!(told.is_none(), "`{}` is somebody's, and is shown: {line}", told.unwrap_or_default());
    }

    /// For a person who wants to know why.
    pub fn last_words(&self) -> String {
        format!("its log ends:\n{}\nits standard error ends:\n{}", tail(&self.log), tail(&self.errors))
    }
}

fn parsed(line: &str) -> Value {
    let parsed: Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("a line of the log is no JSON ({error}): {line}"));
    for field in ["timestamp", "level", "message"] {
        let text = parsed.get(field).and_then(Value::as_str);
        assert!(text.is_some_and(|text| !text.is_empty()), "a line of the log has no {field}: {line}");
    }
    parsed
}

fn tail(log: &Path) -> String {
    let text = text_of(log);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn text_of(log: &Path) -> String {
    fs::read(log).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}
