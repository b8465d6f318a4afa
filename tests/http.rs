//! The HTTP side as its clients meet it: a real socket on loopback, no Kafka behind it. Nothing here is a matter of speed:
//! what is waited for fails only after two minutes.

#![allow(clippy::disallowed_methods, reason = "what runs in real time is waited for in real time")]

#[path = "http/access.rs"]
mod access;
#[path = "http/described.rs"]
mod described;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/page.rs"]
mod page;
#[path = "http/pipeline.rs"]
mod pipeline;
#[path = "http/site.rs"]
mod site;
#[path = "http/stream.rs"]
mod stream;
