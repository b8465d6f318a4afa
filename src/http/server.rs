//! Connections: how many, and for how long without a request or with an answer that nobody takes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

use super::{Surroundings, router};

/// What the head of a request may take before it is looked at: four times what is accepted, so that most who send too
/// much are told so in a problem.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long to wait after the system refused a connection, as when no file descriptors are left.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// The bounds of connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// How many at once; more wait in the system's queue.
    pub connections: usize,
    /// How long a connection may be without a whole head of a request, idle ones too.
    pub head_within: Duration,
    /// How long an answer may wait for its reader to take some of it.
    pub taken_within: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { connections: 512, head_within: Duration::from_secs(15), taken_within: Duration::from_secs(30) }
    }
}

/// Answers until the process ends.
pub async fn serve(listener: TcpListener, surroundings: Arc<Surroundings>, limits: ConnectionLimits) {
    let router = router(surroundings);
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "can't accept a connection");
                tokio::time::sleep(AFTER_REFUSAL).await;
                continue;
            }
        };
        let router = router.clone();
        tokio::spawn(async move {
            if let Err(error) = converse(stream, peer, router, limits).await {
                debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: ConnectionLimits,
) -> Result<(), hyper::Error> {
    // Signals are told one by one: they don't wait to be sent together. Without it they are only a little later.
    let _later = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.taken_within));
    let service = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        hyper::service::Service::call(&service, request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .await
}
