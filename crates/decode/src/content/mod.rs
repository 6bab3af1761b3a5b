//! Data codewords to text: what a symbol says, by ISO/IEC 18004, whichever reader saw it.
//!
//! `stream` parses the bits into segments, `charset` knows the ECI assignments, `guess` names the character set where
//! the code and its text (`declared`) do not (`languages` says what its texts look like), `append` joins the symbols of a structured append
//! sequence. rxing's own parser is not used: its string builder repeats text where two segments begin at one byte, its
//! `%%` in FNC1 mode runs past the end, and it drops the symbology identifier.

mod append;
mod bits;
mod by_chance;
mod charset;
mod declared;
mod guess;
#[cfg(test)]
mod guess_words;
mod languages;
mod stream;

use self::charset::Charset;
use self::guess::Guess;
pub(crate) use self::stream::Symbol;
pub(crate) use append::join;

/// The mode of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Numeric,
    Alphanumeric,
    Byte,
    /// Two-byte Shift_JIS.
    Kanji,
    /// Two-byte GB 2312.
    Hanzi,
    /// The application indicator behind FNC1 in second position.
    Indicator,
}

/// One segment: bytes that its mode packed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    mode: Mode,
    /// The ECI in force; `None` before the first one.
    eci: Option<u32>,
    bytes: Vec<u8>,
}

/// What FNC1 says of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fnc1 {
    /// First position: GS1 element strings.
    Gs1,
    /// Second position: the format of an industry, which the application indicator names.
    Application,
}

/// A symbol's place in a structured append sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AppendPart {
    /// From 0.
    pub index: u8,
    /// Symbols of the sequence.
    pub count: u8,
    /// Exclusive-or of all bytes of the message; it tells one sequence from another.
    pub parity: u8,
}

/// What the data codewords of a symbol hold, not yet as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    segments: Vec<Segment>,
    /// With the number of the first segment it holds for.
    fnc1: Option<(Fnc1, usize)>,
    has_eci: bool,
    is_model_1: bool,
    /// The symbol's place in a structured append sequence.
    part: Option<AppendPart>,
}

/// A message as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub text: String,
    /// How bytes became characters; `docs/concepts/rows.md` lists the forms.
    pub encoding: String,
    /// Symbology identifier (ISO/IEC 15424).
    pub symbology: &'static str,
}

impl Message {
    /// Parses corrected data codewords; `None` where they are not a valid stream.
    pub(crate) fn parse(codewords: &[u8], symbol: Symbol) -> Option<Message> {
        stream::parse(codewords, symbol)
    }

    /// A message of one byte segment.
    #[cfg(test)]
    pub(crate) fn of_bytes(bytes: &[u8]) -> Message {
        let segment = Segment { mode: Mode::Byte, eci: None, bytes: bytes.to_vec() };
        Message { segments: vec![segment], ..Message::default() }
    }

    /// The symbol's place in a structured append sequence. The only symbol of its sequence is a whole message.
    pub(crate) fn part(&self) -> Option<AppendPart> {
        self.part.filter(|part| part.count > 1)
    }

    /// The message as text; `None` where it says nothing at all.
    pub(crate) fn content(&self) -> Option<Content> {
        let mut labels: Vec<String> = Vec::new();
        let mut text = String::new();
        let segments = self.transmitted();
        if let Some(text) = self.packed_utf8(&segments) {
            return Some(Content { text, encoding: "utf-8".to_owned(), symbology: self.symbology() });
        }
        let guess = self.guess(&segments);
        for group in segments.chunk_by(|a, b| self.is_one_run(a, b)) {
            let (run, label) = self.run(group, &guess);
            text.push_str(&run);
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        // A mark of the byte order is not part of the text.
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        // That the rest is ASCII goes without saying.
        if labels.len() > 1 {
            labels.retain(|label| label != guess::ASCII);
        }
        (!text.is_empty()).then(|| Content { text, encoding: labels.join("+"), symbology: self.symbology() })
    }

    /// What a message without text says.
    pub(crate) fn blank(&self) -> Content {
        Content { text: String::new(), encoding: guess::ASCII.to_owned(), symbology: self.symbology() }
    }

    /// The segments as a reader transmits them: in an FNC1 message `%%` in alphanumeric mode is `%`, and a single `%` is
    /// the separator GS (7.4.8.2).
    fn transmitted(&self) -> Vec<Segment> {
        let mut segments = self.segments.clone();
        let first = self.fnc1.map_or(usize::MAX, |(_, first)| first);
        for segment in segments.iter_mut().skip(first).filter(|segment| segment.mode == Mode::Alphanumeric) {
            let mut characters = segment.bytes.iter().copied().peekable();
            let mut out = Vec::with_capacity(segment.bytes.len());
            while let Some(character) = characters.next() {
                let is_single = character == b'%' && characters.next_if_eq(&b'%').is_none();
                out.push(if is_single { GROUP_SEPARATOR } else { character });
            }
            segment.bytes = out;
        }
        segments
    }

    /// Whether two neighbours are decoded in one go. Under an ECI all modes are but ways to pack its bytes (7.4.2);
    /// without one, kanji and hanzi mode name their own character set.
    fn is_one_run(&self, left: &Segment, right: &Segment) -> bool {
        let own = |segment: &Segment| segment.own_charset().map(|set| set.name());
        left.eci == right.eci && (left.eci.is_some() || own(left) == own(right))
    }

    /// The text of an encoder that packed UTF-8 in kanji mode wherever two of its bytes could be Shift_JIS: either its byte
    /// segments are not UTF-8 without the bytes between them, or its kanji are, by themselves, two or more characters of
    /// UTF-8, which real kanji are once in thousands of times.
    fn packed_utf8(&self, segments: &[Segment]) -> Option<String> {
        let of = |taken: fn(Mode) -> bool| -> Vec<u8> {
            let taken = segments.iter().filter(|segment| taken(segment.mode));
            taken.flat_map(|segment| segment.bytes.iter().copied()).collect()
        };
        let kanji = of(|mode| mode == Mode::Kanji);
        if self.has_eci || kanji.is_empty() {
            return None;
        }
        let is_packed = std::str::from_utf8(&of(|mode| mode != Mode::Kanji)).is_err()
            || kanji.len() > 4 && !kanji.iter().any(u8::is_ascii) && std::str::from_utf8(&kanji).is_ok();
        if is_packed { String::from_utf8(of(|_| true)).ok() } else { None }
    }

    /// What the bytes without any designation are.
    fn guess(&self, segments: &[Segment]) -> Guess {
        let plain = |segment: &&Segment| segment.eci.is_none() && segment.own_charset().is_none();
        let bytes: Vec<u8> = segments.iter().filter(plain).flat_map(|segment| segment.bytes.iter().copied()).collect();
        if self.has_eci && segments.iter().take_while(|segment| segment.eci.is_none()).count() > 0 {
            // A message that designates character sets means the standard's default where it does not.
            return Guess::standard(&bytes);
        }
        let is_japanese = segments.iter().any(|segment| segment.mode == Mode::Kanji);
        Guess::of(&bytes, is_japanese)
    }

    /// The text of neighbouring segments, and how it came about.
    fn run(&self, group: &[Segment], guess: &Guess) -> (String, String) {
        let bytes: Vec<u8> = group.iter().flat_map(|segment| segment.bytes.iter().copied()).collect();
        let Some(first) = group.first() else { return (String::new(), guess::ASCII.to_owned()) };
        let Some(number) = first.eci else {
            return match first.own_charset() {
                Some(set) => (set.decode_lossy(&bytes), set.name()),
                None => guess.decode(&bytes),
            };
        };
        let set = charset::by_eci(number);
        if let Some((set, text)) = set.and_then(|set| Some((set, set.decode(&bytes)?))) {
            return (text, format!("eci:{}", set.name()));
        }
        // The bytes do not fit the set that the code names, or nobody knows that set. Encoders put kanji mode under any
        // ECI, so those segments are taken at their own word, and the rest is guessed.
        let mut text = String::new();
        let mut how = String::new();
        for part in group.chunk_by(|a, b| a.own_charset() == b.own_charset()) {
            let bytes: Vec<u8> = part.iter().flat_map(|segment| segment.bytes.iter().copied()).collect();
            let own = part.first().and_then(Segment::own_charset);
            let named = set.and_then(|set| Some((set.decode(&bytes)?, set.name())));
            let (piece, name) = match own {
                Some(own) => (own.decode_lossy(&bytes), own.name()),
                None => named.unwrap_or_else(|| Guess::of(&bytes, false).decode(&bytes)),
            };
            text.push_str(&piece);
            if !bytes.is_ascii() || how.is_empty() {
                how = name;
            }
        }
        (text, format!("eci:{number}/{how}"))
    }

    fn symbology(&self) -> &'static str {
        match (self.fnc1.map(|(fnc1, _)| fnc1), self.has_eci) {
            (None, _) if self.is_model_1 => "]Q0",
            (None, false) => "]Q1",
            (None, true) => "]Q2",
            (Some(Fnc1::Gs1), false) => "]Q3",
            (Some(Fnc1::Gs1), true) => "]Q4",
            (Some(Fnc1::Application), false) => "]Q5",
            (Some(Fnc1::Application), true) => "]Q6",
        }
    }
}

/// What a reader transmits for FNC1 as a separator.
const GROUP_SEPARATOR: u8 = 0x1d;

impl Segment {
    /// The character set that the mode itself names.
    fn own_charset(&self) -> Option<Charset> {
        match self.mode {
            Mode::Kanji => Some(Charset::Table(encoding_rs::SHIFT_JIS)),
            Mode::Hanzi => Some(Charset::Table(encoding_rs::GB18030)),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "../../tests/support/stream.rs"]
mod encoder;
#[cfg(test)]
mod tests;
