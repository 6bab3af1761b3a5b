//! Which of a notification's photos are to be read.

use crate::config::Settings;
use crate::domain::{PhotoRef, SkipReason};

/// Which setting it is, for people.
pub fn sentence(why: SkipReason, settings: &Settings) -> String {
    let filter = &settings.filter;
    match why {
        SkipReason::Prefix => format!("it does not begin with filter.prefix = `{}`", filter.prefix),
        SkipReason::Suffix => format!("it ends with none of filter.suffixes = `{}`", filter.suffixes.join(", ")),
        SkipReason::Excluded => "filter.exclude or filter.exclude_housekeeping leaves it out".into(),
        SkipReason::Small => format!("it has fewer bytes than filter.min_bytes = {}", filter.min_bytes),
        SkipReason::ForeignBucket => "it lies in a bucket that is neither store.inbox nor in store.accept".into(),
        SkipReason::OwnOutput => "it lies in store.results, where scanmill writes".into(),
    }
}

/// Whether to read the photo; otherwise why not.
pub fn skip_reason(photo: &PhotoRef, settings: &Settings) -> Option<SkipReason> {
    let filter = &settings.filter;
    if photo.bucket == settings.store.results {
        return Some(SkipReason::OwnOutput);
    }
    if photo.bucket != settings.store.inbox && !settings.store.accept.contains(&photo.bucket) {
        return Some(SkipReason::ForeignBucket);
    }
    if !photo.key.starts_with(&filter.prefix) {
        return Some(SkipReason::Prefix);
    }
    // Suffixes are in lower case; a key ends with one in any case of letters.
    let key = photo.key.to_lowercase();
    if !filter.suffixes.is_empty() && !filter.suffixes.iter().any(|suffix| key.ends_with(suffix.as_str())) {
        return Some(SkipReason::Suffix);
    }
    if filter.excludes(&photo.key) {
        return Some(SkipReason::Excluded);
    }
    // A size nobody told is not a small size.
    photo.size_bytes.is_some_and(|size| size < filter.min_bytes).then_some(SkipReason::Small)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(bucket: &str, key: &str, size_bytes: Option<u64>) -> PhotoRef {
        PhotoRef {
            bucket: bucket.into(),
            key: key.into(),
            version_id: None,
            etag: None,
            size_bytes,
            sequencer: None,
            uploaded_at: None,
        }
    }

    #[test]
    fn the_filter_lets_pass_what_it_says() {
        let mut settings = Settings::default();
        assert_eq!(skip_reason(&photo("inbox", "any", Some(0)), &settings), None);
        assert_eq!(skip_reason(&photo("results", "photos/a.json", None), &settings), Some(SkipReason::OwnOutput));
        assert_eq!(skip_reason(&photo("elsewhere", "any", None), &settings), Some(SkipReason::ForeignBucket));
        settings.store.accept = vec!["more".into(), "elsewhere".into()];
        assert_eq!(skip_reason(&photo("elsewhere", "any", None), &settings), None);
        assert_eq!(skip_reason(&photo("else", "any", None), &settings), Some(SkipReason::ForeignBucket));
        settings.filter.prefix = "in/".into();
        settings.filter.suffixes = vec![".jpg".into(), ".heic".into()];
        settings.filter.min_bytes = 100;
        for (key, size, expected) in [
            ("in/a.jpg", Some(100), None),
            ("in/a.JPG", Some(100), None),
            ("in/a.Heic", None, None),
            ("In/a.jpg", Some(100), Some(SkipReason::Prefix)),
            ("out/in/a.jpg", Some(100), Some(SkipReason::Prefix)),
            ("in/a.jpg.txt", Some(100), Some(SkipReason::Suffix)),
            ("in/@eaDir/a.jpg", Some(100), Some(SkipReason::Excluded)),
            ("in/a.jpg", Some(99), Some(SkipReason::Small)),
        ] {
            assert_eq!(skip_reason(&photo("inbox", key, size), &settings), expected, "{key} {size:?}");
        }
    }
}
