//! What a message says of the trace that it belongs to: the `AWSTraceHeader` of SQS, or W3C's `traceparent`.

/// The span that a photo's trace continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The trace, not 0.
    pub trace_id: u128,
    /// The span within it, not 0; X-Ray may name a trace alone.
    pub span_id: Option<u64>,
    /// Whether it is sampled; `None` leaves that to us.
    pub is_sampled: Option<bool>,
}

impl Parent {
    /// Reads `traceparent` (<https://www.w3.org/TR/trace-context/>); `None` for what is none.
    pub fn of_w3c(text: &str) -> Option<Parent> {
        let mut parts = text.trim().split('-');
        let version = hex(parts.next()?, 2)?;
        let (trace_id, span_id) = (hex(parts.next()?, 32)?, hex(parts.next()?, 16)?);
        let flags = hex(parts.next()?, 2)?;
        // Later versions may have more to say.
        if version == 0xff || (version == 0 && parts.next().is_some()) || trace_id == 0 || span_id == 0 {
            return None;
        }
        Some(Parent { trace_id, span_id: u64::try_from(span_id).ok(), is_sampled: Some(flags & 1 == 1) })
    }

    /// Reads the header of X-Ray, like `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`;
    /// `None` where it names no trace.
    pub fn of_xray(text: &str) -> Option<Parent> {
        let fields = || text.split(';').filter_map(|field| field.trim().split_once('='));
        let find = |name: &str| fields().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        let (time, rest) = find("Root")?.strip_prefix("1-")?.split_once('-')?;
        let trace_id = (hex(time, 8)? << 96) | hex(rest, 24)?;
        if trace_id == 0 {
            return None;
        }
        let span_id = find("Parent").and_then(|parent| hex(parent, 16)).and_then(|id| u64::try_from(id).ok());
        let is_sampled = match find("Sampled") {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        Some(Parent { trace_id, span_id: span_id.filter(|id| *id != 0), is_sampled })
    }
}

/// Exactly so many lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_of_the_two_specifications_are_read() {
        let w3c = Parent::of_w3c("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let trace_id = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
        assert_eq!(w3c, Some(Parent { trace_id, span_id: Some(0x00f0_67aa_0ba9_02b7), is_sampled: Some(true) }));
        let xray = Parent::of_xray("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
        let trace_id = 0x5759_e988_bd86_2e3f_e1be_46a9_9427_2793;
        assert_eq!(xray, Some(Parent { trace_id, span_id: Some(0x5399_5c3f_42cd_8ad8), is_sampled: Some(true) }));
        let root = Parent::of_xray("Self=1-0-0; Root=1-5759e988-bd862e3fe1be46a994272793; Sampled=?");
        assert_eq!(root, Some(Parent { trace_id, span_id: None, is_sampled: None }));
    }

    #[test]
    fn what_names_no_trace_is_passed_over() {
        for text in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Parent::of_w3c(text), None, "{text}");
        }
        assert!(Parent::of_w3c("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more").is_some());
        for text in ["", "Root", "Root=", "Root=1-5759e988", "Root=2-5759e988-bd862e3fe1be46a994272793", "Parent=1"] {
            assert_eq!(Parent::of_xray(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_was_written_is_read(trace_id in 1_u128.., span_id in 1_u64.., is_sampled: bool) {
            let flag = u8::from(is_sampled);
            let expected = Some(Parent { trace_id, span_id: Some(span_id), is_sampled: Some(is_sampled) });
            prop_assert_eq!(Parent::of_w3c(&format!("00-{trace_id:032x}-{span_id:016x}-{flag:02x}")), expected);
            let (time, rest) = (trace_id >> 96, trace_id & ((1 << 96) - 1));
            let xray = format!("Root=1-{time:08x}-{rest:024x};Parent={span_id:016x};Sampled={flag}");
            prop_assert_eq!(Parent::of_xray(&xray), expected);
        }

        #[test]
        fn no_text_is_a_panic(text in ".*", like in "[-0-9a-fé=;RotPaenSmpld1]{0,90}") {
            for text in [text, like] {
                let _ = (Parent::of_w3c(&text), Parent::of_xray(&text));
            }
        }
    }
}
