//! Asks the homecoming of this container whether it is well: `healthcheck [ADDRESS [PATH]]`, exit 0 for an answer
//! of 200. For container engines only: the image has no shell and no curl. Kubernetes asks over HTTP itself.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(2);
const STATUS_LINE_MAX: u64 = 128;

fn main() -> ExitCode {
    let mut given = env::args().skip(1);
    let address = given.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let path = given.next().unwrap_or_else(|| "/healthz".to_owned());
    match status_line(&address, &path) {
        Ok(line) if line.split(' ').nth(1) == Some("200") => ExitCode::SUCCESS,
        Ok(line) => unwell(&address, &path, line.trim_end()),
        Err(reason) => unwell(&address, &path, &reason.to_string()),
    }
}

fn status_line(address: &str, path: &str) -> io::Result<String> {
    let address: SocketAddr =
        address.parse().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not an IP address with a port"))?;
    let mut connection = TcpStream::connect_timeout(&address, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(connection.take(STATUS_LINE_MAX)).read_line(&mut line)?;
    Ok(line)
}

fn unwell(address: &str, path: &str, reason: &str) -> ExitCode {
    eprintln!("http://{address}{path}: {reason}");
    ExitCode::FAILURE
}
