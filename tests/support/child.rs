//! A process that never outlives the test that started it, however that test ends.

use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use std::os::unix::process::CommandExt;

/// Waits for its standard input to close, which the kernel does when the test process is gone, be it by `kill -9`.
/// Then it ends the one process it was told of, and clears that one's folder away.
const WATCH: &str = r#"trap '' INT TERM HUP; cat > /dev/null; kill -9 "$1" 2> /dev/null; rm -rf "$2""#;

pub struct BoundChild {
    child: Child,
    watcher: Child,
    /// Held open, never written to.
    _lifeline: ChildStdin,
    ended: Option<ExitStatus>,
}

impl BoundChild {
    /// Starts `command`. `folder` is removed should the test process die before it could do so itself.
    pub fn spawn(command: &mut Command, folder: &Path) -> Self {
        let program = command.get_program().to_string_lossy().into_owned();
        // Own process groups: a Ctrl-C must end the test first, and the watcher then its child.
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("`{program}` could not be started: {error}"));
        let mut watcher = Command::new("sh")
            .args(["-c", WATCH, "watcher"])
            .arg(child.id().to_string())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell can be started");
        let lifeline = watcher.stdin.take().expect("its input was asked for");
        Self { child, watcher, _lifeline: lifeline, ended: None }
    }

    /// Sends a signal by name (`TERM`, `STOP`, `CONT` …) to this process alone.
    pub fn signal(&mut self, name: &str) {
        assert!(self.exit_status().is_none(), "{name} was meant for a process that has ended");
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status()
            .expect("`kill` can be started");
        assert!(sent.success(), "signal {name} could not be sent");
    }

    /// How it ended, if it has.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be asked");
        }
        self.ended
    }

    /// How it ended, and after how long; nothing when `limit` was over first.
    pub fn wait_for_exit(&mut self, limit: Duration) -> Option<(ExitStatus, Duration)> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.exit_status() {
                return Some((status, began.elapsed()));
            }
            if began.elapsed() > limit {
                return None;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `kill -9`, and gone when this returns.
    pub fn kill9(&mut self) {
        if self.exit_status().is_some() {
            return;
        }
        self.child.kill().expect("a running child can be killed");
        self.ended = Some(self.child.wait().expect("a killed child can be waited for"));
    }
}

impl Drop for BoundChild {
    fn drop(&mut self) {
        // The watcher first: once the child is waited for, its number may belong to somebody else.
        self.watcher.kill().ok();
        self.watcher.wait().ok();
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
