//! Keeps freed memory for the next photo.
//!
//! Decoding one takes tens of megabytes for some milliseconds. By default glibc gives them back to the kernel each time and
//! asks for them again, page by page and zeroed, which was an eighth of all CPU time with photos of twelve megapixels
//! (`benches/README.md`). Kept are at most 64 MiB a thread, in what `memory.decode_bytes` lets photos have anyway.

/// Blocks up to this size come from a heap, not each from a mapping of its own. The most that every glibc takes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const FROM_HEAPS: i32 = 32 << 20;

/// What a heap may hold free at its end; a thread's heap is not larger.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 64 << 20;

/// To be called before the first thread starts. Does nothing with other C libraries, and where the environment says how
/// memory is to be handled.
pub fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const SAID: [&str; 3] = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES"];
        if SAID.iter().any(|name| std::env::var_os(name).is_some()) {
            return;
        }
        // A refusal leaves what was there, which is slower and no more.
        // SAFETY: these take two plain numbers; glibc locks what it changes.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, FROM_HEAPS);
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        }
    }
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    /// Pages that the kernel had to give this thread so far.
    fn pages() -> u64 {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // Behind the thread's name, which may hold spaces: proc_pid_stat(5), field 10.
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(7).unwrap().parse().unwrap()
    }

    /// As a photo of twelve megapixels takes it.
    fn photo() -> usize {
        let blocks: Vec<Vec<u8>> = [12, 12, 6, 3, 1].map(|mib| vec![1; mib << 20]).into();
        std::hint::black_box(&blocks).len()
    }

    #[test]
    fn a_thread_asks_the_kernel_once_for_the_memory_of_many_photos() {
        keep();
        let asked = std::thread::spawn(|| {
            photo();
            let before = pages();
            for _ in 0..10 {
                photo();
            }
            pages() - before
        });
        let (asked, one_photo) = (asked.join().unwrap(), (34 << 20) / 4096);
        assert!(asked < one_photo, "{asked} pages for ten photos of {one_photo}");
    }
}
