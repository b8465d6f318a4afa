//! The contract in bytes: what is read, what is refused and by which code, what is sent and what is stored.
//!
//! What goes out is compared with `tests/golden`; `UPDATE_GOLDEN=1` writes it anew. A stored record that changes needs
//! a new version, and the old golden record must stay readable.

mod cloud_events;
mod events;
mod golden;
mod json;
mod laws;
mod letters;
mod refusals;
mod signals;
mod stored;
mod stories;
mod values;
