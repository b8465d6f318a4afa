//! The runtime: how a record travels, without any product's name.
//!
//! A [`StreamThread`] polls its [`Log`], turns bytes into events (`wire`), applies them to the partition they belong
//! to (`engine`), moves time on and sends what is to be told. Every commit interval signals, changed customers, dead
//! letters and input offsets leave in one transaction; only when the log has confirmed it do readers see the change
//! (`store`). If it was aborted the batch is dropped and its input read again. If nobody can tell, the producer is
//! renewed, which settles the matter, and the committed offsets say which of the two it was.

mod assignment;
mod batch;
mod life;
pub mod ports;
mod record;
mod settings;
mod stream_thread;
mod transaction;

pub use batch::BatchSummary;
pub use ports::{AbortCause, Invariant, Usage};
pub use ports::{Clock, Fault, Listener, Log, Observer};
pub use record::DEAD_LETTER_OVERHEAD;
pub use settings::Settings;
pub use stream_thread::{Shared, Status, StreamThread};
