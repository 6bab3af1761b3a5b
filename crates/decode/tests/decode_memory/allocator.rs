//! An allocator that knows how many bytes each thread holds, and held at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

static HELD_BY_ALL: AtomicIsize = AtomicIsize::new(0);
static MOST_BY_ALL: AtomicIsize = AtomicIsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // Neither cell has a destructor, so both are there as long as the thread allocates.
    HELD.set(HELD.get() + bytes);
    MOST.set(MOST.get().max(HELD.get()));
    let held = HELD_BY_ALL.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST_BY_ALL.fetch_max(held, Ordering::Relaxed);
}

// SAFETY: the system's allocator does everything, as it was asked.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as asked of us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as asked of us.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as asked of us.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as asked of us.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// What `work` returns, and the most bytes that this thread held meanwhile beyond what it held before.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let done = work();
    (done, (MOST.get() - before).max(0) as usize)
}

/// The same of all threads: for a process that does nothing else meanwhile.
#[allow(dead_code, reason = "most tests count one thread")]
pub fn peak_of_all<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD_BY_ALL.load(Ordering::Relaxed);
    MOST_BY_ALL.store(before, Ordering::Relaxed);
    let done = work();
    (done, (MOST_BY_ALL.load(Ordering::Relaxed) - before).max(0) as usize)
}
