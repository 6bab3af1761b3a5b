//! Loops over many numbers, compiled for wider vectors than every machine of the kind has.

/// Makes a function of which there are two builds, one of them for AVX2: called is what the machine has. Both do the same,
/// bit by bit. What the body calls is part of it only where that is `#[inline(always)]`.
///
/// `fn name / name_any(…)` also names the build for every machine, for tests that compare the two.
macro_rules! wide {
    (
        $(#[$about:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block
    ) => {
        $(#[$about])*
        $visibility fn $name($($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn any($($argument: $kind),*) $(-> $result)? $body

            wide!(@call any($($argument: $kind),*) $(-> $result)?)
        }
    };
    (
        $(#[$about:meta])*
        $visibility:vis fn $name:ident / $any:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block
    ) => {
        $(#[$about])*
        $visibility fn $name($($argument: $kind),*) $(-> $result)? {
            wide!(@call $any($($argument: $kind),*) $(-> $result)?)
        }

        #[inline(always)]
        fn $any($($argument: $kind),*) $(-> $result)? $body
    };
    (@call $any:ident($($argument:ident: $kind:ty),*) $(-> $result:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn avx2($($argument: $kind),*) $(-> $result)? {
                $any($($argument),*)
            }

            if std::is_x86_feature_detected!("avx2") {
                // SAFETY: the machine has what the function was compiled for.
                return unsafe { avx2($($argument),*) };
            }
        }
        $any($($argument),*)
    }};
}

pub(crate) use wide;
