//! The properties of XMP that say when, where and with what a photo was taken.
//!
//! A property is an attribute, an element, or a list in one, under whatever prefix its namespace was given. Packets that
//! break off are read as far as they go.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};
use quick_xml::reader::NsReader;

/// Most bytes of all packets together. Depth maps and the like make extended XMP large; dates are before them.
const MOST_BYTES: usize = 2 << 20;
/// No value here is longer.
const LONGEST_VALUE: usize = 256;

/// The properties read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    DateTimeOriginal,
    DateCreated,
    CreateDate,
    DateTimeDigitized,
    OffsetTimeOriginal,
    GpsLatitude,
    GpsLongitude,
    GpsAltitude,
    GpsAltitudeRef,
    GpsLatitudeRef,
    GpsLongitudeRef,
    Make,
    Model,
}

const EXIF: &str = "http://ns.adobe.com/exif/1.0/";
const EXIF_EX: &str = "http://cipa.jp/exif/1.0/";
const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
const XMP: &str = "http://ns.adobe.com/xap/1.0/";
const TIFF: &str = "http://ns.adobe.com/tiff/1.0/";

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// Namespace and name of each property; some editors write EXIF's tags into EXIF's namespace that belong elsewhere.
const PROPERTIES: [(Property, &str, &str); 16] = [
    (Property::DateTimeOriginal, EXIF, "DateTimeOriginal"),
    (Property::DateCreated, PHOTOSHOP, "DateCreated"),
    (Property::CreateDate, XMP, "CreateDate"),
    (Property::DateTimeDigitized, EXIF, "DateTimeDigitized"),
    (Property::OffsetTimeOriginal, EXIF_EX, "OffsetTimeOriginal"),
    (Property::GpsLatitude, EXIF, "GPSLatitude"),
    (Property::GpsLongitude, EXIF, "GPSLongitude"),
    (Property::GpsAltitude, EXIF, "GPSAltitude"),
    (Property::GpsAltitudeRef, EXIF, "GPSAltitudeRef"),
    (Property::GpsLatitudeRef, EXIF, "GPSLatitudeRef"),
    (Property::GpsLongitudeRef, EXIF, "GPSLongitudeRef"),
    (Property::Make, TIFF, "Make"),
    (Property::Model, TIFF, "Model"),
    (Property::OffsetTimeOriginal, EXIF, "OffsetTimeOriginal"),
    (Property::Make, EXIF, "Make"),
    (Property::Model, EXIF, "Model"),
];

/// Namespaces of structures that speak of other pictures: what this one was made of or from (XMP part 2, media
/// management), and the faces and regions in it.
const OTHER_PICTURES: [&str; 3] = [
    "http://ns.adobe.com/xap/1.0/mm/",
    "http://www.metadataworkinggroup.com/schemas/regions/",
    "http://ns.google.com/photos/1.0/container/",
];
/// IPTC's extension: of its structures only one says where the camera was.
const IPTC_EXT: &str = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/";
const PLACE_OF_CAMERA: &str = "LocationCreated";

/// What prefixes mean in a packet that does not say.
const PREFIXES: [(&str, &str); 7] = [
    ("rdf", RDF),
    ("exif", EXIF),
    ("exifEX", EXIF_EX),
    ("photoshop", PHOTOSHOP),
    ("xmp", XMP),
    ("xap", XMP),
    ("tiff", TIFF),
];

/// A value, and how deep it is.
#[derive(Default)]
struct XmpValue {
    text: String,
    depth: usize,
}

/// A property that is open.
#[derive(Clone, Copy)]
struct OpenElement {
    index: usize,
    /// How deep its element stands.
    depth: usize,
    /// How deep an element within it stands that does not add to its value: a qualifier, the second of several items.
    passed_over: Option<usize>,
}

/// What the packets of a file say.
#[derive(Default)]
pub(super) struct Xmp {
    values: [Option<XmpValue>; PROPERTIES.len()],
}

impl Xmp {
    /// Reads packets; what the first says counts.
    pub(super) fn read<'a>(packets: impl IntoIterator<Item = &'a [u8]>) -> Xmp {
        let mut xmp = Xmp::default();
        let mut left = MOST_BYTES;
        for packet in packets {
            let packet = packet.get(..left).unwrap_or(packet);
            left -= packet.len();
            let mut found = Xmp::default();
            found.read_packet(&text_of(packet));
            for (value, found) in xmp.values.iter_mut().zip(found.values) {
                *value = value.take().or(found);
            }
        }
        xmp
    }

    /// The property's value, without blanks around it.
    pub(super) fn get(&self, property: Property) -> Option<&str> {
        let names = PROPERTIES.iter().zip(&self.values).filter(|((other, ..), _)| *other == property);
        names.filter_map(|(_, value)| Some(value.as_ref()?.text.trim())).find(|text| !text.is_empty())
    }

    fn read_packet(&mut self, packet: &str) {
        let mut reader = NsReader::from_str(packet);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        let mut depth = 0_usize;
        let mut open: Option<OpenElement> = None;
        // How deep a structure began that is not about this photo.
        let mut foreign: Option<usize> = None;
        // An error is where the packet stops being XML: what was read until there counts.
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(start) => {
                    depth += 1;
                    if foreign.is_none() && is_foreign(&reader, start.name()) {
                        (foreign, open) = (Some(depth), None);
                    }
                    if foreign.is_none() {
                        open = self.enter(&reader, start.name(), depth, open);
                        self.read_attributes(&reader, &start, depth, open);
                    }
                }
                Event::Empty(start) if foreign.is_none() && !is_foreign(&reader, start.name()) => {
                    let open = self.enter(&reader, start.name(), depth + 1, open);
                    self.read_attributes(&reader, &start, depth + 1, open);
                }
                Event::End(_) => {
                    foreign = foreign.filter(|began| *began < depth);
                    open = open.filter(|open| open.depth < depth);
                    if let Some(open) = &mut open {
                        open.passed_over = open.passed_over.filter(|began| *began < depth);
                    }
                    depth = depth.saturating_sub(1);
                }
                Event::Text(text) => self.add(open, &text.xml_content(quick_xml::XmlVersion::Implicit1_0)),
                Event::CData(text) => self.add(open, &text.xml_content(quick_xml::XmlVersion::Implicit1_0)),
                Event::GeneralRef(reference) => {
                    if let Ok(Some(letter)) = reference.resolve_char_ref() {
                        self.add(open, letter.encode_utf8(&mut [0; 4]));
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
    }

    /// The property that is open within an element: the element itself, or the one around it.
    fn enter(
        &self,
        reader: &NsReader<&[u8]>,
        name: QName,
        depth: usize,
        around: Option<OpenElement>,
    ) -> Option<OpenElement> {
        let passed_over = |index: usize, property: usize| self.has(index, property).then_some(depth);
        if let Some(index) = property(reader, name, false) {
            return Some(OpenElement { index, depth, passed_over: passed_over(index, depth) });
        }
        let mut open = around?;
        let (namespace, local) = reader.resolver().resolve_element(name);
        let is_rdf = namespace_of(namespace).as_deref() == Some(RDF);
        let new = match local.into_inner() {
            "Seq" | "Alt" | "Bag" | "Description" | "value" if is_rdf => None,
            // Of several the first: the default of an `Alt`, the earliest of a `Seq`.
            "li" if is_rdf => passed_over(open.index, open.depth),
            _ => Some(depth),
        };
        open.passed_over = open.passed_over.or(new);
        Some(open)
    }

    /// Whether a property has a value already that is no deeper.
    fn has(&self, index: usize, depth: usize) -> bool {
        let value = self.values.get(index).and_then(Option::as_ref);
        value.is_some_and(|value| value.depth <= depth && !value.text.trim().is_empty())
    }

    fn read_attributes(
        &mut self,
        reader: &NsReader<&[u8]>,
        start: &BytesStart,
        depth: usize,
        open: Option<OpenElement>,
    ) {
        for attribute in start.attributes().with_checks(false).map_while(Result::ok) {
            let place = match property(reader, attribute.key, true) {
                // As if it were an element of its own.
                Some(index) if self.has(index, depth + 1) => continue,
                Some(index) => Some(OpenElement { index, depth: depth + 1, passed_over: None }),
                None if is_value(reader, attribute.key) => open,
                None => continue,
            };
            if let Ok(value) = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0) {
                self.add(place, &value);
            }
        }
    }

    /// Adds text to a property. One that is less deep is the photo's own, the other that of a picture in it.
    fn add(&mut self, open: Option<OpenElement>, text: &str) {
        let Some(OpenElement { index, depth, passed_over: None }) = open else { return };
        let Some(slot) = self.values.get_mut(index) else { return };
        if text.trim().is_empty() || slot.as_ref().is_some_and(|value| value.depth < depth) {
            return;
        }
        let value = slot.get_or_insert_default();
        if value.depth != depth {
            *value = XmpValue { text: String::new(), depth };
        }
        let room = LONGEST_VALUE.saturating_sub(value.text.len());
        value.text.extend(text.chars().take(room));
    }
}

/// Whether an attribute holds the value of the element's property: one that has qualifiers, or an address.
fn is_value(reader: &NsReader<&[u8]>, name: QName) -> bool {
    let (namespace, local) = reader.resolver().resolve_attribute(name);
    matches!(local.into_inner(), "value" | "resource") && namespace_of(namespace).as_deref() == Some(RDF)
}

/// Whether an element begins a structure that is not about this photo.
fn is_foreign(reader: &NsReader<&[u8]>, name: QName) -> bool {
    let (namespace, local) = reader.resolver().resolve_element(name);
    let Some(namespace) = namespace_of(namespace) else { return false };
    OTHER_PICTURES.contains(&&*namespace) || namespace == IPTC_EXT && local.into_inner() != PLACE_OF_CAMERA
}

fn namespace_of(found: ResolveResult) -> Option<String> {
    match found {
        ResolveResult::Bound(namespace) => Some(namespace.into_inner().to_owned()),
        ResolveResult::Unknown(prefix) => {
            PREFIXES.iter().find(|(known, _)| *known == prefix).map(|(_, namespace)| (*namespace).to_owned())
        }
        ResolveResult::Unbound => None,
    }
}

/// Which property a name means.
fn property(reader: &NsReader<&[u8]>, name: QName, attribute: bool) -> Option<usize> {
    let resolver = reader.resolver();
    let (namespace, local) = if attribute { resolver.resolve_attribute(name) } else { resolver.resolve_element(name) };
    let namespace = namespace_of(namespace)?;
    PROPERTIES.iter().position(|(_, known, name)| *known == namespace && *name == local.into_inner())
}

/// The packet as text: UTF-8, or UTF-16 as the mark at its start or the zeros in it tell.
fn text_of(packet: &[u8]) -> std::borrow::Cow<'_, str> {
    let encoding = match packet {
        [0xfe, 0xff, ..] | [0, b'<', ..] => encoding_rs::UTF_16BE,
        [0xff, 0xfe, ..] | [b'<', 0, ..] => encoding_rs::UTF_16LE,
        _ => encoding_rs::UTF_8,
    };
    encoding.decode_with_bom_removal(packet).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_other_pictures_is_not_the_photos_own() {
        let names = [
            (r#"xmpMM="http://ns.adobe.com/xap/1.0/mm/""#, "xmpMM:Ingredients"),
            (r#"m="http://ns.adobe.com/xap/1.0/mm/""#, "m:DerivedFrom"),
            (r#"i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/""#, "i:LocationShown"),
            (r#"r="http://www.metadataworkinggroup.com/schemas/regions/""#, "r:Regions"),
        ];
        for (namespace, name) in names {
            for inside in [
                "<rdf:Bag><rdf:li exif:DateTimeOriginal='1999'/></rdf:Bag>",
                "<rdf:Description exif:DateTimeOriginal='1999'></rdf:Description>",
                "<exif:DateTimeOriginal>1999</exif:DateTimeOriginal>",
            ] {
                let packet =
                    format!("<rdf:Description xmlns:{namespace}><{name}>{inside}</{name}>{{}}</rdf:Description>");
                assert_eq!(original(&packet.replace("{}", "")), None, "{packet}");
                let own = packet.replace("{}", "<exif:DateTimeOriginal>2026</exif:DateTimeOriginal>");
                assert_eq!(original(&own).as_deref(), Some("2026"), "{own}");
            }
        }
        let created = r#"<a xmlns:i="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><i:LocationCreated exif:DateTimeOriginal="2026"/></a>"#;
        assert_eq!(original(created).as_deref(), Some("2026"));
    }

    fn original(packet: &str) -> Option<String> {
        Xmp::read([packet.as_bytes()]).get(Property::DateTimeOriginal).map(str::to_owned)
    }

    #[test]
    fn reads_properties_however_they_are_written() {
        const NAMESPACE: &str =
            r#"xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://ns.adobe.com/exif/1.0/""#;
        let packets = [
            r#"<rdf:Description exif:DateTimeOriginal="2026"/>"#.to_owned(),
            "<rdf:Description\n exif:DateTimeOriginal = '2026'></rdf:Description>".to_owned(),
            "<x><exif:DateTimeOriginal>2026</exif:DateTimeOriginal></x>".to_owned(),
            "<x><exif:DateTimeOriginal> 20<![CDATA[2]]>&#54; </exif:DateTimeOriginal></x>".to_owned(),
            // Another prefix; a list; a default namespace.
            format!(r#"<rdf:RDF {NAMESPACE}><rdf:Description e:DateTimeOriginal="2026"/></rdf:RDF>"#),
            format!(
                "<rdf:RDF {NAMESPACE}><e:DateTimeOriginal><rdf:Seq><rdf:li>2026</rdf:li></rdf:Seq></e:DateTimeOriginal></rdf:RDF>"
            ),
            r#"<exif:DateTimeOriginal><rdf:Description rdf:value="2026" xml:lang="de"/></exif:DateTimeOriginal>"#.to_owned(),
            r#"<x><DateTimeOriginal xmlns="http://ns.adobe.com/exif/1.0/">2026</DateTimeOriginal></x>"#.to_owned(),
            r#"<exif:DateTimeOriginal rdf:value="2026" xml:lang="de"/>"#.to_owned(),
            r#"<exif:DateTimeOriginal rdf:resource="2026"/>"#.to_owned(),
            "<exif:DateTimeOriginal rdf:resource='2026'></exif:DateTimeOriginal>".to_owned(),
            format!(
                r#"<r:RDF xmlns:r="{RDF}"><exif:DateTimeOriginal r:resource="2026"/></r:RDF>"#
            ),
            "<exif:DateTimeOriginal><rdf:Seq><rdf:li rdf:resource='2026'/></rdf:Seq></exif:DateTimeOriginal>".to_owned(),
            // Of several values the first; of a value with qualifiers the value.
            "<exif:DateTimeOriginal><rdf:Seq><rdf:li>2026</rdf:li><rdf:li>2025</rdf:li></rdf:Seq></exif:DateTimeOriginal>".to_owned(),
            "<exif:DateTimeOriginal><rdf:Alt><rdf:li/><rdf:li xml:lang='x-default'>2026</rdf:li><rdf:li>20<b/>25</rdf:li></rdf:Alt></exif:DateTimeOriginal>".to_owned(),
            "<exif:DateTimeOriginal><rdf:Seq><rdf:li><rdf:Alt><rdf:li>2026</rdf:li></rdf:Alt></rdf:li></rdf:Seq></exif:DateTimeOriginal>".to_owned(),
            "<exif:DateTimeOriginal><rdf:Seq><rdf:li rdf:parseType='Resource'><rdf:value>2026</rdf:value><q:by>me</q:by></rdf:li></rdf:Seq></exif:DateTimeOriginal>".to_owned(),
            "<exif:DateTimeOriginal rdf:parseType='Resource'><q:by>me</q:by><rdf:value>2026</rdf:value></exif:DateTimeOriginal>".to_owned(),
            "<exif:DateTimeOriginal><rdf:Description><rdf:value>2026</rdf:value><rdf:type rdf:resource='https://x.example/'/></rdf:Description></exif:DateTimeOriginal>".to_owned(),
            // Said twice.
            "<a><exif:DateTimeOriginal>2026</exif:DateTimeOriginal><exif:DateTimeOriginal>2025</exif:DateTimeOriginal></a>".to_owned(),
            "<a><b exif:DateTimeOriginal='2026'/><b exif:DateTimeOriginal='2025'/></a>".to_owned(),
            // The photo's own before that of a picture in it.
            "<a><b><c><exif:DateTimeOriginal>1999</exif:DateTimeOriginal></c></b><exif:DateTimeOriginal>2026</exif:DateTimeOriginal></a>".to_owned(),
            "<a><exif:DateTimeOriginal>2026</exif:DateTimeOriginal><b exif:DateTimeOriginal='1999'/></a>".to_owned(),
            // Cut short, and wrong behind the place.
            "<a><b exif:DateTimeOriginal='2026'>".to_owned(),
            "<a><b exif:DateTimeOriginal='2026'></c></a></a><".to_owned(),
        ];
        for packet in packets {
            assert_eq!(original(&packet).as_deref(), Some("2026"), "{packet}");
            let utf16: Vec<u8> = packet.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let marked = [b"\xfe\xff", utf16.as_slice()].concat();
            for bytes in [utf16, marked] {
                assert_eq!(Xmp::read([bytes.as_slice()]).get(Property::DateTimeOriginal), Some("2026"), "{packet}");
            }
        }
    }

    #[test]
    fn other_names_are_other_properties() {
        let packets = [
            "",
            "exif:DateTimeOriginal",
            "<exif:DateTimeOriginalX>2026</exif:DateTimeOriginalX>",
            "<other:DateTimeOriginal>2026</other:DateTimeOriginal>",
            r#"<a xmlns:exif="http://example.com/"><exif:DateTimeOriginal>2026</exif:DateTimeOriginal></a>"#,
            "<!-- <exif:DateTimeOriginal>2026</exif:DateTimeOriginal> -->",
            "<exif:DateTimeOriginal/>",
            r#"<a exif:DateTimeOriginal=""#,
        ];
        for packet in packets {
            assert_eq!(original(packet), None, "{packet}");
        }
    }
}
