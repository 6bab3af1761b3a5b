//! What the text of a code means.

/// The text of a code, understood.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    /// The text as it may be stored: secrets replaced.
    pub stored: String,
    /// `url`, `gs1_digital_link`, `geo`, `wifi`, `vcard`, `email`, `phone`, `sms`, `otp`, `payment`, `text` and so on.
    pub kind: &'static str,
    /// Normalised URL without tracking parameters.
    pub product_url: Option<String>,
    /// Host, lower case, punycode.
    pub url_host: Option<String>,
    /// Path of the normalised URL.
    pub url_path: Option<String>,
    /// GTIN, shop id or last path segment.
    pub product_id: Option<String>,
    /// GTIN-14 whose check digit is right.
    pub gtin: Option<String>,
    /// `utm_source`.
    pub utm_source: Option<String>,
    /// `utm_medium`.
    pub utm_medium: Option<String>,
    /// `utm_campaign`.
    pub utm_campaign: Option<String>,
}

/// Reads a code's text. Never fails: what is nothing else is `text`.
pub fn read(text: &str) -> Payload {
    Payload { stored: text.to_owned(), kind: "text", ..Payload::default() }
}
