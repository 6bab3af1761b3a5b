//! A clock that runs slower than the wall, for the whole process: a second here is many outside.
//!
//! The time that photos cost CPU must not grow with the machine that is modelled. So instead of scaling every wait of
//! engine, SDK and runtime one by one, the few functions of the C library by which all of them tell time and sleep are
//! defined here, where the linker finds them first. Work then costs what it costs, and every wait, time-out and back-off
//! keeps its proportion to every other.
#![allow(unsafe_code, reason = "takes the place of functions of the C library")]

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::mem::transmute;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicUsize, Ordering};

use libc::{CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME, CLOCK_REALTIME_COARSE};
use libc::{clockid_t, epoll_event, timespec};

/// By how much it is slower.
static FACTOR: AtomicU32 = AtomicU32::new(1);
/// The real readings when it began to be, in nanoseconds: monotonic, and of the day.
static STARTED: [AtomicI64; 2] = [AtomicI64::new(0), AtomicI64::new(0)];

/// Slows the clock down from now on. To be called once, before any thread starts.
pub fn slow_down(factor: u32) {
    for (place, clock) in STARTED.iter().zip([CLOCK_MONOTONIC, CLOCK_REALTIME]) {
        place.store(nanos(real_now(clock)), Ordering::Relaxed);
    }
    FACTOR.store(factor.max(1), Ordering::Release);
}

fn factor() -> i64 {
    i64::from(FACTOR.load(Ordering::Acquire))
}

fn nanos(time: timespec) -> i64 {
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn time_of(nanos: i64) -> timespec {
    timespec { tv_sec: nanos.div_euclid(1_000_000_000), tv_nsec: nanos.rem_euclid(1_000_000_000) }
}

/// When this clock was slowed down; `None` for clocks that are left alone, like those of CPU time.
fn started(clock: clockid_t) -> Option<i64> {
    let place = match clock {
        CLOCK_MONOTONIC | CLOCK_MONOTONIC_COARSE | CLOCK_BOOTTIME => 0,
        CLOCK_REALTIME | CLOCK_REALTIME_COARSE => 1,
        _ => return None,
    };
    Some(STARTED[place].load(Ordering::Relaxed))
}

/// The address of the C library's own function.
fn real(name: &'static CStr, cache: &AtomicUsize) -> usize {
    let known = cache.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: a constant name; RTLD_NEXT looks behind the functions defined here.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast::<c_char>()) } as usize;
    cache.store(found, Ordering::Relaxed);
    found
}

fn real_clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    static CACHE: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: the function of this name has this type; the caller's pointer is passed on.
    unsafe {
        let call: unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int = transmute(real(c"clock_gettime", &CACHE));
        call(clock, time)
    }
}

fn real_now(clock: clockid_t) -> timespec {
    let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
    real_clock_gettime(clock, &raw mut now);
    now
}

/// The real instant of one of this clock's.
fn real_deadline(started: i64, deadline: timespec) -> timespec {
    time_of(started.saturating_add((nanos(deadline) - started).saturating_mul(factor())))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    let result = real_clock_gettime(clock, time);
    let factor = factor();
    if let Some(started) = started(clock).filter(|_| result == 0 && factor > 1) {
        // SAFETY: the real function wrote there.
        unsafe { *time = time_of(started + (nanos(*time) - started) / factor) };
    }
    result
}

#[unsafe(no_mangle)]
unsafe extern "C" fn nanosleep(wanted: *const timespec, left: *mut timespec) -> c_int {
    static CACHE: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: the caller's pointers hold as the C library demands; time that is left is given in this clock's measure.
    unsafe {
        let call: unsafe extern "C" fn(*const timespec, *mut timespec) -> c_int = transmute(real(c"nanosleep", &CACHE));
        let longer = time_of(nanos(*wanted).saturating_mul(factor()));
        let result = call(&raw const longer, left);
        if result != 0 && !left.is_null() {
            *left = time_of(nanos(*left) / factor());
        }
        result
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn clock_nanosleep(
    clock: clockid_t,
    flags: c_int,
    wanted: *const timespec,
    left: *mut timespec,
) -> c_int {
    static CACHE: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: as for `nanosleep`.
    unsafe {
        let call: unsafe extern "C" fn(clockid_t, c_int, *const timespec, *mut timespec) -> c_int =
            transmute(real(c"clock_nanosleep", &CACHE));
        let longer = match started(clock) {
            Some(started) if flags & libc::TIMER_ABSTIME != 0 => real_deadline(started, *wanted),
            Some(_) => time_of(nanos(*wanted).saturating_mul(factor())),
            None => *wanted,
        };
        let result = call(clock, flags, &raw const longer, left);
        if result != 0 && flags & libc::TIMER_ABSTIME == 0 && !left.is_null() {
            *left = time_of(nanos(*left) / factor());
        }
        result
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(poll: c_int, events: *mut epoll_event, most: c_int, millis: c_int) -> c_int {
    static CACHE: AtomicUsize = AtomicUsize::new(0);
    let longer = i64::from(millis).saturating_mul(factor()).min(i64::from(c_int::MAX));
    // SAFETY: the caller's pointers are passed on.
    unsafe {
        let call: unsafe extern "C" fn(c_int, *mut epoll_event, c_int, c_int) -> c_int =
            transmute(real(c"epoll_wait", &CACHE));
        call(poll, events, most, if millis <= 0 { millis } else { longer as c_int })
    }
}

/// The standard library parks threads by it. Only waits until an instant of the monotonic clock carry a time.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(number: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    static CACHE: AtomicUsize = AtomicUsize::new(0);
    type Call = unsafe extern "C" fn(c_long, usize, usize, usize, usize, usize, usize) -> c_long;
    // SAFETY: the arguments are passed on as they came, in the registers in which the variadic function expects them.
    unsafe {
        let call: Call = transmute(real(c"syscall", &CACHE));
        let is_wait = number == libc::SYS_futex && (b as c_int & libc::FUTEX_CMD_MASK) == libc::FUTEX_WAIT_BITSET;
        let is_monotonic = b as c_int & libc::FUTEX_CLOCK_REALTIME == 0;
        if is_wait && is_monotonic && d != 0 && factor() > 1 {
            let deadline = *(d as *const c_void).cast::<timespec>();
            let later = real_deadline(STARTED[0].load(Ordering::Relaxed), deadline);
            return call(number, a, b, c, &raw const later as usize, e, f);
        }
        call(number, a, b, c, d, e, f)
    }
}
