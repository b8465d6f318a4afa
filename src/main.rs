//! Arguments and exit code; nothing else.

use std::process::ExitCode;

/// For the Kafka client too, whose threads free what others have allocated: the C library's allocator takes a tenth of
/// a stream thread's time for that.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What jemalloc reads before `main`; `MALLOC_CONF` in the environment goes before it. Huge pages, as the core touches
/// many small records; caches that hold what a transaction sends until its answers have come; and what reading the state
/// back leaves behind goes back to the system within a second.
#[allow(unsafe_code)]
// SAFETY: the name and type that jemalloc looks for, a pointer to text that ends with a zero.
#[unsafe(export_name = "malloc_conf")]
static MALLOC_CONF: &[u8; 100] =
    b"thp:always,tcache_nslots_small_max:2000,lg_tcache_nslots_mul:3,dirty_decay_ms:1000,muzzy_decay_ms:0\0";

fn main() -> ExitCode {
    homecoming::command::main()
}
