//! Arguments and exit code; nothing else.

use std::process::ExitCode;

/// The core touches many small records; this allocator serves them from huge pages where the kernel has some.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    homecoming::command::main()
}
