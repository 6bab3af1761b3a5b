//! The transform to all pixels of [`super::lanes`] by AVX2: two products and their sum at once, of numbers of 16 bits, as
//! libjpeg-turbo does it. Every sum is the same number, whatever order it is added in. To fewer pixels the transform is short, and
//! is left to the compiler.
//!
//! No closures go to functions of the library here: those are compiled without AVX2, and nothing is inlined into them.

use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_adds_epi16, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_packs_epi32,
    _mm256_packus_epi16, _mm256_permute2x128_si256, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_srai_epi32, _mm256_storeu_si256, _mm256_sub_epi32, _mm256_unpackhi_epi8, _mm256_unpackhi_epi16,
    _mm256_unpackhi_epi32, _mm256_unpacklo_epi8, _mm256_unpacklo_epi16, _mm256_unpacklo_epi32,
};

use super::lanes::{Blocks, CONST_BITS, LANES, PASS_BITS, Pixels, fix};

/// A number of 16 bits of each block.
type Short = __m256i;

/// A number of 32 bits of each block: those of blocks 0 to 3 and 8 to 11, and of the others.
type Long = [__m256i; 2];

/// A constant with [`CONST_BITS`] fraction bits.
const fn f(value: f64) -> i32 {
    fix(value).0
}

/// `a` times `by_a` and `b` times `by_b`. The factors have 16 bits.
#[inline]
#[target_feature(enable = "avx2")]
fn dot(a: Short, b: Short, by_a: i32, by_b: i32) -> Long {
    let by = _mm256_set1_epi32(by_b << 16 | (by_a & 0xffff));
    [_mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), by), _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), by)]
}

#[inline]
#[target_feature(enable = "avx2")]
fn add(a: Long, b: Long) -> Long {
    [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
}

#[inline]
#[target_feature(enable = "avx2")]
fn sub(a: Long, b: Long) -> Long {
    [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])]
}

/// Without the lowest `SHIFT` bits, rounded, and no farther from zero than 16 bits reach.
#[inline]
#[target_feature(enable = "avx2")]
fn shorten<const SHIFT: i32>(value: Long) -> Short {
    let half = _mm256_set1_epi32(1 << (SHIFT - 1));
    let [low, high] = add(value, [half; 2]);
    _mm256_packs_epi32(_mm256_srai_epi32::<SHIFT>(low), _mm256_srai_epi32::<SHIFT>(high))
}

/// The coefficients 1, 3, 5 and 7 times these.
#[inline]
#[target_feature(enable = "avx2")]
fn odd(v: [Short; 8], by: [i32; 4]) -> Long {
    add(dot(v[1], v[3], by[0], by[1]), dot(v[5], v[7], by[2], by[3]))
}

#[inline]
#[target_feature(enable = "avx2")]
fn to_8(v: [Short; 8]) -> [Long; 8] {
    let one = 1 << CONST_BITS;
    let (even_0, even_1) = (dot(v[0], v[4], one, one), dot(v[0], v[4], one, -one));
    let even_2 = dot(v[2], v[6], f(0.541196100), f(0.541196100) - f(1.847759065));
    let even_3 = dot(v[2], v[6], f(0.541196100) + f(0.765366865), f(0.541196100));
    let [a, b, c, d] = [add(even_0, even_3), add(even_1, even_2), sub(even_1, even_2), sub(even_0, even_3)];

    // What the sums of the plain code come to for each coefficient.
    let all = f(1.175875602);
    let (z1, z2) = (all + f(-0.899976223), all + f(-2.562915447));
    let (z3, z4) = (all + f(-1.961570560), all + f(-0.390180644));
    let near = odd(v, [z1 + z4 - all + f(1.501321110), all, z4, z1]);
    let next = odd(v, [all, z2 + z3 - all + f(3.072711026), z2, z3]);
    let third = odd(v, [z4, z2, z2 + z4 - all + f(2.053119869), all]);
    let far = odd(v, [z1, z3, all, z1 + z3 - all + f(0.298631336)]);
    [add(a, near), add(b, next), add(c, third), add(d, far), sub(d, far), sub(c, third), sub(b, next), sub(a, near)]
}

/// A column of every block.
#[inline]
#[target_feature(enable = "avx2")]
fn load(blocks: &Blocks, column: usize) -> [Short; 8] {
    let mut values = [_mm256_setzero_si256(); 8];
    for (index, value) in values.iter_mut().enumerate() {
        let lanes: &[i16; LANES] = &blocks[(column + index * 8) & 63];
        // SAFETY: sixteen numbers of 16 bits.
        *value = unsafe { _mm256_loadu_si256(lanes.as_ptr().cast()) };
    }
    values
}

/// Thirty-two pixels of a row from `at` on.
#[inline]
#[target_feature(enable = "avx2")]
fn store(row: &mut [u8; 8 * LANES], at: usize, pixels: __m256i) {
    if let Some(out) = row.get_mut(at..at + 32) {
        // SAFETY: there is room for 32 bytes.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), pixels) }
    }
}

/// Samples around zero to pixels: those of one block after the other.
#[inline]
#[target_feature(enable = "avx2")]
fn pixels([a, b, c, d, e, f, g, h]: [Short; 8], row: &mut [u8; 8 * LANES]) {
    let middle = _mm256_set1_epi16(128);
    let pack = |a: Short, b: Short| _mm256_packus_epi16(_mm256_adds_epi16(a, middle), _mm256_adds_epi16(b, middle));
    let [ae, bf, cg, dh] = [pack(a, e), pack(b, f), pack(c, g), pack(d, h)];
    let (ab, cd) = (_mm256_unpacklo_epi8(ae, bf), _mm256_unpacklo_epi8(cg, dh));
    let (ef, gh) = (_mm256_unpackhi_epi8(ae, bf), _mm256_unpackhi_epi8(cg, dh));
    let (left_0, left_4) = (_mm256_unpacklo_epi16(ab, cd), _mm256_unpackhi_epi16(ab, cd));
    let (right_0, right_4) = (_mm256_unpacklo_epi16(ef, gh), _mm256_unpackhi_epi16(ef, gh));
    // Two blocks from there on, and the two that are eight on from these.
    let (from_0, from_2) = (_mm256_unpacklo_epi32(left_0, right_0), _mm256_unpackhi_epi32(left_0, right_0));
    let (from_4, from_6) = (_mm256_unpacklo_epi32(left_4, right_4), _mm256_unpackhi_epi32(left_4, right_4));
    store(row, 0, _mm256_permute2x128_si256::<0x20>(from_0, from_2));
    store(row, 32, _mm256_permute2x128_si256::<0x20>(from_4, from_6));
    store(row, 64, _mm256_permute2x128_si256::<0x31>(from_0, from_2));
    store(row, 96, _mm256_permute2x128_si256::<0x31>(from_4, from_6));
}

/// Bits that the two passes take off.
const FIRST: i32 = (CONST_BITS - PASS_BITS) as i32;
const SECOND: i32 = (CONST_BITS + PASS_BITS + 3) as i32;

/// Transforms to all pixels of each block: first the columns, then the rows that come of them.
#[target_feature(enable = "avx2")]
pub(super) fn invert(blocks: &Blocks, out: &mut Pixels) {
    let mut lines = [[_mm256_setzero_si256(); 8]; 8];
    for column in 0..8 {
        for (line, value) in lines.iter_mut().zip(to_8(load(blocks, column))) {
            line[column] = shorten::<FIRST>(value);
        }
    }
    for (line, row) in lines.into_iter().zip(out) {
        let mut samples = [_mm256_setzero_si256(); 8];
        for (sample, value) in samples.iter_mut().zip(to_8(line)) {
            *sample = shorten::<SECOND>(value);
        }
        pixels(samples, row);
    }
}
