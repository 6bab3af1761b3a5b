//! The `scanmill` binary: see [`scanmill::cli`].

use std::process::ExitCode;

use scanmill::cli;

fn main() -> ExitCode {
    cli::freed_memory::keep();
    let arguments = match cli::arguments::read() {
        Ok(arguments) => arguments,
        // What clap says goes where it says so, in JSON where the log does.
        Err(error) => return cli::exit::refuse(&error),
    };
    ExitCode::from(cli::exit::settle(cli::run(&arguments)).code())
}

/// What `f32::hypot` calls, here and in rxing: the C library's, of which glibc 2.35 made a new version. A binary that is
/// built there and asks for it does not start on Amazon Linux 2023, which has 2.34. In `f64` the squares of two `f32`s
/// neither overflow nor lose a digit, which is how glibc computes it too.
// SAFETY: signature and meaning are those that C gives the name.
#[unsafe(no_mangle)]
pub extern "C" fn hypotf(x: f32, y: f32) -> f32 {
    let (x, y) = (f64::from(x), f64::from(y));
    (x * x + y * y).sqrt() as f32
}
