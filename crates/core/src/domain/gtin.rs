//! GTIN check digits and lengths.

/// The GTIN-14 of a GTIN-8, -12, -13 or -14: padded with zeros on the left. `None` when it is not such a number, its check
/// digit is wrong, or it is all zeros (which passes the check and names nothing).
pub fn gtin_14(digits: &str) -> Option<String> {
    if !has_gtin_length(digits) || !check_digit_is_right(digits) || digits.bytes().all(|digit| digit == b'0') {
        return None;
    }
    Some(format!("{digits:0>14}"))
}

/// Whether the text is as many digits as some GTIN has: 8, 12, 13 or 14.
pub fn has_gtin_length(digits: &str) -> bool {
    matches!(digits.len(), 8 | 12 | 13 | 14) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Ranges of GS1 prefixes (the three digits behind the first of a GTIN-14) that name products of somebody's; the others are
/// not given out, for coupons, or for use within one shop.
#[rustfmt::skip]
const USED_PREFIXES: &[(u16, u16)] = &[
    (1, 19), (30, 39), (60, 139), (300, 380), (383, 383), (385, 385), (387, 387), (389, 390), (400, 440), (450, 509),
    (520, 521), (528, 531), (535, 535), (539, 549), (560, 560), (569, 579), (590, 590), (594, 594), (599, 601),
    (603, 604), (608, 609), (611, 611), (613, 613), (615, 631), (640, 649), (680, 709), (729, 746), (750, 750),
    (754, 755), (759, 771), (773, 773), (775, 775), (777, 780), (784, 784), (786, 786), (789, 790), (800, 850),
    (858, 860), (865, 865), (867, 880), (883, 885), (888, 888), (890, 890), (893, 893), (896, 896), (899, 919),
    (930, 952), (955, 955), (958, 958), (960, 969), (977, 979),
];

/// Whether the GS1 prefix of a GTIN-14 is in use.
pub fn has_used_prefix(gtin: &str) -> bool {
    let prefix = gtin.get(1..4).and_then(|prefix| prefix.parse::<u16>().ok());
    prefix.is_some_and(|prefix| USED_PREFIXES.iter().any(|(first, last)| (*first..=*last).contains(&prefix)))
}

/// GS1 mod 10: from the right, digits weigh 1 (the check digit itself), 3, 1, 3 and so on; the sum ends in 0.
pub(super) fn check_digit_is_right(digits: &str) -> bool {
    let weighted = digits.bytes().rev().enumerate().map(|(place, digit)| {
        let weight = if place % 2 == 0 { 1 } else { 3 };
        weight * u32::from(digit - b'0')
    });
    weighted.sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gtins_of_every_length_are_padded() {
        for (digits, expected) in [
            ("96385074", "00000096385074"),
            ("614141000036", "00614141000036"),
            ("4006381333931", "04006381333931"),
            ("09506000134352", "09506000134352"),
        ] {
            assert_eq!(gtin_14(digits).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_no_gtin_is_none() {
        for digits in
            ["", "4006381333930", "400638133393", "40063813339310", "4006381-33931", "٤٠٠٦٣٨١٣", "00000000000000"]
        {
            assert_eq!(gtin_14(digits), None, "{digits}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_found(body in "[0-9]{13}", place in 0usize..14, change in 1u8..10) {
            let digits = (0..10).map(|check| format!("{body}{check}")).find(|digits| check_digit_is_right(digits)).unwrap();
            let mut wrong = digits.clone().into_bytes();
            wrong[place] = b'0' + (wrong[place] - b'0' + change) % 10;
            prop_assert!(!check_digit_is_right(std::str::from_utf8(&wrong).unwrap()));
            prop_assert_eq!(gtin_14(&digits).is_some(), digits.bytes().any(|digit| digit != b'0'));
        }
    }
}
