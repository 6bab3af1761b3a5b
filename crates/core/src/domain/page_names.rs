//! Names of pages, which are not products.

/// Names of pages and of parts of their names, in the languages of the larger shops.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "a", "about", "account", "accueil", "action", "activate", "activation", "active", "admin", "agb", "agenda", "all",
    "amp", "and", "anfahrt", "angebote", "anleitung", "anmelden", "api", "app", "application", "apps", "archive",
    "asp", "aspx", "assets", "auth", "basket", "bedienungsanleitung", "bestellen", "bestellung", "bewertung", "bin",
    "blog", "book", "booking", "brand", "brands", "browse", "buy", "callback", "campaign", "campaigns", "card",
    "cards", "careers", "carrello", "carrito", "cart", "catalog", "catalogue", "categories", "category", "cgi",
    "change", "channel", "check", "checkin", "checkout", "collection", "collections", "company", "compare",
    "conditions", "confirm", "confirmation", "contact", "contacto", "contacts", "contatti", "content", "contest",
    "cookie", "cookies", "css", "customer", "dashboard", "data", "datenschutz", "de", "default", "delivery", "demo",
    "detail", "details", "discover", "dispatch", "display", "docs", "document", "documents", "donate", "download",
    "downloads", "e", "en", "end", "error", "event", "events", "explore", "f", "faq", "faqs", "favicon", "favorites",
    "feed", "feedback", "file", "files", "find", "font", "fonts", "for", "forgot", "form", "forms", "forum", "free",
    "full", "gallery", "game", "get", "gewinnspiel", "gift", "go", "guide", "help", "hilfe", "home", "homepage", "how",
    "htm", "html", "i", "icon", "icons", "image", "images", "img", "impressum", "in", "index", "info", "information",
    "inicio", "instructions", "intro", "invite", "it", "item", "items", "jobs", "join", "js", "jsp", "karte",
    "katalog", "kategorie", "kategorien", "kontakt", "l", "landing", "landingpage", "lang", "language", "large",
    "legal", "level", "link", "links", "list", "listing", "listings", "live", "load", "locale", "location",
    "locations", "log", "login", "logout", "lp", "main", "manual", "manuals", "map", "maps", "media", "medium", "menu",
    "menue", "menü", "mitmachen", "mobile", "more", "my", "n", "name", "nan", "neu", "new", "news", "newsletter", "next",
    "not", "null", "o", "oeffnungszeiten", "of", "offer", "offers", "on", "online", "open", "or", "order", "orders",
    "original", "our", "out", "overview", "p", "page", "pages", "panier", "partner", "partners", "password", "pay",
    "payment", "pdf", "photos", "php", "play", "policy", "portal", "post", "posts", "press", "preview", "price",
    "prices", "privacy", "prod", "prodotti", "prodotto", "product", "productdetail", "producto", "productos",
    "products", "produit", "produits", "produkt", "produkte", "profile", "program", "programm", "promo", "promotion",
    "promotions", "public", "q", "qr", "qrcode", "quiz", "r", "raffle", "read", "recipe", "recipes", "redirect",
    "register", "registration", "registrieren", "reservation", "reservierung", "reset", "result", "results", "returns",
    "review", "reviews", "rezension", "robots", "rss", "rsvp", "s", "sale", "sales", "scan", "schedule", "search",
    "section", "select", "service", "services", "settings", "share", "sheet", "shipping", "shop", "shops", "show",
    "sign", "signin", "signup", "site", "sitemap", "sku", "small", "special", "specification", "specs", "speisekarte",
    "spenden", "start", "startpage", "startseite", "static", "status", "store", "stores", "story", "subscribe",
    "suche", "support", "survey", "t", "tag", "tags", "team", "teilnahme", "teilnahmebedingungen", "template", "terms",
    "test", "thank", "thanks", "the", "thumb", "thumbs", "ticket", "tickets", "to", "top", "track", "tracking",
    "tutorial", "u", "ueber", "undefined", "uns", "unsubscribe", "up", "update", "uploads", "url", "us", "use", "user",
    "users", "v", "variant", "verify", "version", "video", "videos", "view", "viewer", "visit", "vote", "voucher",
    "warenkorb", "warranty", "watch", "we", "web", "website", "wedding", "welcome", "widerruf", "wifi", "wishlist",
    "with", "works", "wp", "www", "you", "your", "öffnungszeiten", "über",
];

/// Segments below which no product stands.
#[rustfmt::skip]
const NO_PRODUCTS: &[&str] = &[
    "account", "accounts", "article", "articles", "author", "authors", "blog", "blogs", "browse", "c", "careers",
    "cart", "cat", "categoria", "categorias", "categorie", "categories", "category", "channel", "checkout",
    "collections", "company", "coupon", "coupons", "deliveries", "delivery", "docs", "download", "downloads",
    "event", "events", "faq", "forum", "gift", "gift-card", "gift-cards", "giftcard", "giftcards", "groups",
    "gutschein", "gutscheine", "help", "invite", "invoice", "invoices", "jobs", "kategorie", "kategorien", "legal",
    "lieferung", "login", "magazin", "magazine", "market", "meetup-join", "members", "menu", "menus", "news",
    "order", "orders", "pages", "parcel", "parcels", "people", "post", "posts", "press", "profile", "profiles",
    "receipt", "receipts", "rechnung", "rechnungen", "s", "search", "sendung", "sendungsverfolgung", "shipment",
    "shipments", "shipping", "store-locator", "stores", "stories", "support", "survey", "surveys", "tag", "tags",
    "track", "tracking", "u", "umfrage", "user", "users", "verification", "verify", "voucher", "vouchers",
    "warenkorb", "wiki", "wp-admin", "zone",
];

/// Hosts whose paths name people, places and links, not products.
#[rustfmt::skip]
const NO_SHOPS: &[&str] = &[
    "a.co", "adobe.ly", "aka.ms", "amzn.asia", "amzn.eu", "amzn.to", "apple.co", "arxiv.org", "beacons.ai", "bio.link", "bit.ly",
    "bl.ink", "buff.ly", "buy.stripe.com", "buymeacoffee.com", "calendly.com", "campsite.bio", "cash.app",
    "clck.ru", "cutt.ly", "discord.com", "discord.gg", "doi.org", "dropbox.com", "dub.sh", "ebay.us", "etsy.me",
    "eventbrite.co.uk", "eventbrite.com", "eventbrite.de", "facebook.com", "fb.com", "fb.me", "flow.page",
    "flowcode.com", "forms.gle", "g.co", "g.page", "gofund.me", "gofundme.com", "goo.gl", "google.com",
    "hihello.me", "ig.me", "instagram.com", "is.gd", "issuu.com", "j.mp", "jotform.com", "kahoot.it", "ko-fi.com",
    "l.ead.me", "lin.ee", "line.me", "linkedin.com", "linktr.ee", "lnk.bio", "lnk.to", "lnkd.in", "m.me", "m.tb.cn",
    "maps.app.goo.gl", "me-qr.com", "menti.com", "mentimeter.com", "msha.ke", "office.com", "onelink.me", "ow.ly",
    "page.link", "paypal.com", "paypal.me", "pin.it", "pinterest.com", "q-r.to", "qr-code-generator.com", "qr.ae",
    "qr.net", "qr1.be", "qrco.de", "qrcodes.pro", "qrd.by", "qrfy.com", "qrs.ly", "qrstuff.com", "qrtiger.com",
    "rb.gy", "rebrand.ly", "reddit.com", "reurl.cc", "s.id", "s.team", "scan.page", "scnv.io", "sharepoint.com",
    "shor.by", "short.gy", "shorturl.at", "sli.do", "snapchat.com", "soundcloud.com", "spotify.com", "square.link",
    "surl.li", "surveymonkey.com", "swiy.co", "t.co", "t.ly", "t.me", "taplink.cc", "teams.microsoft.com", "telegram.me", "threads.net",
    "tiktok.com", "tiny.cc", "tinylink.net", "tinyurl.com", "tripadvisor.com", "tripadvisor.de", "twint.ch",
    "twitch.tv", "twitter.com", "typeform.com", "u.to", "uqr.me", "urlgeni.us", "v.gd", "venmo.com", "vimeo.com",
    "vk.cc", "vk.com", "w.wiki", "wa.me", "wechat.com", "weibo.com", "whatsapp.com", "wikipedia.org", "x.com",
    "yelp.com", "youtube.com", "zoom.us", "zpr.io",
];

/// Endings of files that are shown or downloaded.
const FILES: &[&str] = &[
    "apk", "avif", "css", "csv", "doc", "docx", "epub", "exe", "gif", "ico", "ics", "ipa", "jpeg", "jpg", "js", "json",
    "mov", "mp3", "mp4", "pdf", "png", "ppt", "pptx", "rar", "svg", "txt", "vcf", "webm", "webp", "xls", "xlsx", "xml",
    "zip",
];

/// Whether a text is what pages are called, in one word or several; or a language, or nothing.
pub fn is_page_name(text: &str) -> bool {
    let text = text.split(';').next().unwrap_or_default();
    if text.starts_with(['@', '~']) || text.len() > 200 || text.contains("REDACTED") || is_language(text) {
        return true;
    }
    // A file's name is the name of a page too: `product.php`, `item.htm`.
    let name = match text.rsplit_once('.') {
        Some((_, ending)) if FILES.contains(&ending.to_ascii_lowercase().as_str()) => return true,
        Some((name, ending)) if ending.len() <= 5 && ending.bytes().all(|byte| byte.is_ascii_alphabetic()) => name,
        _ => text,
    };
    let name = name.to_lowercase();
    let mut words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.all(|word| WORDS.contains(&word))
}

/// Whether a segment says that what is below it is not a product.
pub fn is_below_no_product(segment: &str) -> bool {
    NO_PRODUCTS.contains(&segment.to_lowercase().as_str())
}

/// Whether a host has no products.
pub fn is_no_shop(host: &str) -> bool {
    NO_SHOPS
        .iter()
        .any(|known| host.strip_suffix(known).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

/// `de`, `en-us`, `pt_BR`, `zh-Hans`, `zh-Hans-CN`.
fn is_language(text: &str) -> bool {
    let letters = |part: &str, lengths: &[usize]| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic())
    };
    let parts: Vec<&str> = text.split(['-', '_']).collect();
    if let [language, script, region] = parts.as_slice() {
        return letters(language, &[2, 3]) && letters(script, &[4]) && letters(region, &[2]);
    }
    match text.split_once(['-', '_']) {
        Some((language, region)) => letters(language, &[2]) && letters(region, &[2, 4]),
        None => letters(text, &[2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_told_from_products() {
        for text in [
            "",
            "watch",
            "view",
            "product.php",
            "item.htm",
            "name",
            "downloads",
            "index.html",
            "Home",
            "search",
            "cart",
            "default.aspx",
            "de",
            "en-us",
            "pt_BR",
            "zh-Hans",
            "zh-Hans-CN",
            "about-us",
            "terms-of-use",
            "how-it-works",
            "@me",
            "~me",
            "product_detail.jsp",
            "tea-42.jpg",
            "reset-password",
            "-",
            "REDACTED",
        ] {
            assert!(is_page_name(text), "{text}");
        }
        for text in ["42", "blue-shoe", "item-42", "B07XJ8C8F5", "tea", "roman-7", "view-master"] {
            assert!(!is_page_name(text), "{text}");
        }
    }
}
