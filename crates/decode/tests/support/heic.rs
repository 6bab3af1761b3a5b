//! HEIC files made at test time.
#![allow(dead_code, reason = "each test file that includes this uses its own part")]

use exif::experimental::Writer;
use exif::{Field, In, Rational, Tag, Value};

/// A HEIC file of a grey picture: one HEVC picture up to 512 pixels a side, else a grid of tiles of 512 pixels.
pub fn heic(width: usize, height: usize, grey: &[u8]) -> Vec<u8> {
    with_exif(width, height, grey, None)
}

/// The same with EXIF.
pub fn with_exif(width: usize, height: usize, grey: &[u8], exif: Option<Vec<u8>>) -> Vec<u8> {
    let image = heifer::Image {
        width: width as u32,
        height: height as u32,
        bit_depth: 8,
        has_alpha: false,
        data: grey.iter().flat_map(|&grey| [u16::from(grey), u16::from(grey), u16::from(grey), 255]).collect(),
    };
    let metadata = heifer::Metadata { exif, ..Default::default() };
    let options = heifer::EncodeOptions { quality: 70, max_threads: 1 };
    heifer::encode_with_metadata(&image, &metadata, &options).unwrap()
}

/// A HEIC file of a picture of red, green, blue and alpha, which gets a picture of its own unless all is opaque.
pub fn of_rgba(width: usize, height: usize, rgba: &[u8]) -> Vec<u8> {
    let data = rgba.iter().map(|&sample| u16::from(sample)).collect();
    let has_alpha = rgba.chunks_exact(4).any(|pixel| pixel[3] != 255);
    let image = heifer::Image { width: width as u32, height: height as u32, bit_depth: 8, has_alpha, data };
    let options = heifer::EncodeOptions { quality: 70, max_threads: 1 };
    heifer::encode_with_metadata(&image, &heifer::Metadata::default(), &options).unwrap()
}

/// Taken at 2026-11-22 16:40:00 +01:00 in Paris.
pub fn paris() -> Vec<u8> {
    let field = |tag, value| Field { tag, ifd_num: In::PRIMARY, value };
    let text = |tag, text: &str| field(tag, Value::Ascii(vec![text.as_bytes().to_vec()]));
    let degrees = |tag, whole, minutes| {
        let ratio = |num| Rational { num, denom: 1 };
        field(tag, Value::Rational(vec![ratio(whole), ratio(minutes), ratio(0)]))
    };
    let fields = [
        text(Tag::Make, "Apple"),
        text(Tag::DateTimeOriginal, "2026:11:22 16:40:00"),
        text(Tag::OffsetTimeOriginal, "+01:00"),
        text(Tag::GPSLatitudeRef, "N"),
        degrees(Tag::GPSLatitude, 48, 51),
        text(Tag::GPSLongitudeRef, "E"),
        degrees(Tag::GPSLongitude, 2, 18),
    ];
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    let mut out = std::io::Cursor::new(Vec::new());
    writer.write(&mut out, false).unwrap();
    out.into_inner()
}

/// Where the first box of this kind begins its body.
pub fn body_of(file: &[u8], kind: &[u8; 4]) -> usize {
    file.windows(4).position(|four| four == kind).expect("the box") + 4
}

/// The body of the first such box in a list of boxes.
fn box_in<'a>(mut list: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    while let Some(&[a, b, c, d]) = list.first_chunk() {
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if list.get(4..8)? == kind {
            return list.get(8..length);
        }
        list = list.get(length..)?;
    }
    None
}

fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], body].concat()
}

/// A box with a version and no flags.
fn full(kind: &[u8; 4], version: u8, body: &[u8]) -> Vec<u8> {
    boxed(kind, &[&[version, 0, 0, 0], body].concat())
}

/// Configuration and data of a picture of one HEVC item.
fn hevc(width: usize, height: usize, grey: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let file = heic(width, height, grey);
    let meta = &box_in(&file, b"meta").unwrap()[4..];
    let properties = box_in(box_in(meta, b"iprp").unwrap(), b"ipco").unwrap();
    (box_in(properties, b"hvcC").unwrap().to_vec(), box_in(&file, b"mdat").unwrap().to_vec())
}

/// A picture with a small copy beside it, as phones write it; `copy` need not show the same.
pub fn with_thumbnail(size: [usize; 2], grey: &[u8], copy_size: [usize; 2], copy: &[u8]) -> Vec<u8> {
    let items = [hevc(size[0], size[1], grey), hevc(copy_size[0], copy_size[1], copy)];
    let sizes = [size, copy_size].map(|[width, height]| {
        full(b"ispe", 0, &[(width as u32).to_be_bytes(), (height as u32).to_be_bytes()].concat())
    });
    let entry = |id: u8| full(b"infe", 2, &[&[0, id, 0, 0][..], b"hvc1\0"].concat());
    let properties = [&sizes[0][..], &boxed(b"hvcC", &items[0].0), &sizes[1], &boxed(b"hvcC", &items[1].0)].concat();
    let associations = [0, 0, 0, 2, 0, 1, 2, 1, 2, 0, 2, 2, 3, 4];
    let ftyp = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
    let meta = |start: usize| {
        let second = start + items[0].1.len();
        let place = |id: u8, at: usize, length: usize| {
            [&[0, id, 0, 0, 0, 1][..], &(at as u32).to_be_bytes(), &(length as u32).to_be_bytes()].concat()
        };
        let iloc = [&[0x44, 0, 0, 2][..], &place(1, start, items[0].1.len()), &place(2, second, items[1].1.len())];
        let tables = [
            full(b"pitm", 0, &[0, 1]),
            full(b"iinf", 0, &[&[0, 2][..], &entry(1), &entry(2)].concat()),
            full(b"iloc", 0, &iloc.concat()),
            full(b"iref", 0, &boxed(b"thmb", &[0, 2, 0, 1, 0, 1])),
            boxed(b"iprp", &[boxed(b"ipco", &properties), full(b"ipma", 0, &associations)].concat()),
        ];
        full(b"meta", 0, &tables.concat())
    };
    let start = ftyp.len() + meta(0).len() + 8;
    [ftyp, meta(start), boxed(b"mdat", &[&items[0].1[..], &items[1].1].concat())].concat()
}

/// A picture that items stand for in a row: of each kind one that is made of the next, the last of the picture.
pub fn derived(kinds: &[&[u8; 4]], size: [usize; 2], grey: &[u8]) -> Vec<u8> {
    let (configuration, data) = hevc(size[0], size[1], grey);
    let last = kinds.len() as u8 + 1;
    let entry =
        |(index, kind): (usize, &[u8; 4])| full(b"infe", 2, &[&[0, index as u8 + 1, 0, 0], &kind[..], &[0]].concat());
    let entries: Vec<u8> = kinds.iter().copied().chain([b"hvc1"]).enumerate().flat_map(entry).collect();
    let references: Vec<u8> = (1..last).flat_map(|id| boxed(b"dimg", &[0, id, 0, 1, 0, id + 1])).collect();
    let sides = size.map(|side| (side as u32).to_be_bytes()).concat();
    let properties = [full(b"ispe", 0, &sides), boxed(b"hvcC", &configuration)].concat();
    let of_derived = (1..last).flat_map(|id| [0, id, 1, 1]);
    let associations: Vec<u8> = [0, 0, 0, last].into_iter().chain(of_derived).chain([0, last, 2, 1, 2]).collect();
    let ftyp = boxed(b"ftyp", b"heic\0\0\0\0mif1heic");
    let meta = |start: usize| {
        let place = [(start as u32).to_be_bytes(), (data.len() as u32).to_be_bytes()].concat();
        let tables = [
            full(b"pitm", 0, &[0, 1]),
            full(b"iinf", 0, &[&[0, last][..], &entries].concat()),
            full(b"iloc", 0, &[&[0x44, 0, 0, 1, 0, last, 0, 0, 0, 1][..], &place].concat()),
            full(b"iref", 0, &references),
            boxed(b"iprp", &[boxed(b"ipco", &properties), full(b"ipma", 0, &associations)].concat()),
        ];
        full(b"meta", 0, &tables.concat())
    };
    let start = ftyp.len() + meta(0).len() + 8;
    [ftyp, meta(start), boxed(b"mdat", &data)].concat()
}

/// An item of a container: its kind, the boxes of its properties, and its data.
struct Item {
    kind: &'static [u8; 4],
    properties: Vec<Vec<u8>>,
    data: Vec<u8>,
}

/// A container of items, the first of which is the picture, made of the others where it is a derived one.
fn container(items: &[Item]) -> Vec<u8> {
    let last = items.len() as u8;
    let entry = |(id, item): (u8, &Item)| full(b"infe", 2, &[&[0, id, 0, 0], &item.kind[..], &[0]].concat());
    let entries: Vec<u8> = (1..).zip(items).flat_map(entry).collect();
    let parts: Vec<u8> = (2..=last).flat_map(|id| [0, id]).collect();
    let reference = boxed(b"dimg", &[&[0, 1, 0, last - 1][..], &parts].concat());
    let properties: Vec<u8> = items.iter().flat_map(|item| item.properties.concat()).collect();
    let mut associations = vec![0, 0, 0, last];
    let mut next = 1;
    for (id, item) in (1..).zip(items) {
        let count = item.properties.len() as u8;
        associations.extend([0, id, count].into_iter().chain(next..next + count));
        next += count;
    }
    let data: Vec<u8> = items.iter().flat_map(|item| item.data.clone()).collect();
    let ftyp = boxed(b"ftyp", b"mif1\0\0\0\0mif1heicjpeg");
    let meta = |start: usize| {
        let mut places = vec![0x44, 0, 0, last];
        let mut at = start;
        for (id, item) in (1..).zip(items) {
            places.extend([0, id, 0, 0, 0, 1]);
            places.extend((at as u32).to_be_bytes().into_iter().chain((item.data.len() as u32).to_be_bytes()));
            at += item.data.len();
        }
        let references = if last > 1 { full(b"iref", 0, &reference) } else { Vec::new() };
        let tables = [
            full(b"pitm", 0, &[0, 1]),
            full(b"iinf", 0, &[&[0, last][..], &entries].concat()),
            full(b"iloc", 0, &places),
            references,
            boxed(b"iprp", &[boxed(b"ipco", &properties), full(b"ipma", 0, &associations)].concat()),
        ];
        full(b"meta", 0, &tables.concat())
    };
    let start = ftyp.len() + meta(0).len() + 8;
    [ftyp, meta(start), boxed(b"mdat", &data)].concat()
}

fn sides(size: [usize; 2]) -> Vec<u8> {
    full(b"ispe", 0, &size.map(|side| (side as u32).to_be_bytes()).concat())
}

/// Pictures laid over a white canvas, the lowest first: where each begins, its size and its pixels. The canvas's size is
/// written with 32 bits where it needs them.
pub fn overlay(canvas: [usize; 2], layers: &[([i16; 2], [usize; 2], &[u8])]) -> Vec<u8> {
    let is_wide = canvas.iter().any(|&side| side > usize::from(u16::MAX));
    let number = |number: i64| match is_wide {
        true => (number as u32).to_be_bytes().to_vec(),
        false => (number as u16).to_be_bytes().to_vec(),
    };
    let corners = layers.iter().flat_map(|(corner, ..)| corner.map(i64::from));
    let numbers = canvas.into_iter().map(|side| side as i64).chain(corners);
    let data = [0, u8::from(is_wide)].into_iter().chain([0xff; 8]).chain(numbers.flat_map(number)).collect();
    let mut items = vec![Item { kind: b"iovl", properties: vec![sides(canvas)], data }];
    for (_, size, grey) in layers {
        let (configuration, data) = hevc(size[0], size[1], grey);
        items.push(Item { kind: b"hvc1", properties: vec![sides(*size), boxed(b"hvcC", &configuration)], data });
    }
    container(&items)
}

/// A JPEG file as the picture of a container; `apart` says how many of its bytes are in a property.
pub fn of_jpeg(size: [usize; 2], jpeg: &[u8], apart: usize) -> Vec<u8> {
    let (tables, data) = jpeg.split_at(apart);
    let mut properties = vec![sides(size)];
    if apart > 0 {
        properties.push(boxed(b"jpgC", tables));
    }
    container(&[Item { kind: b"jpeg", properties, data: data.to_vec() }])
}
