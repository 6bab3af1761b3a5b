//! Where shops put the ids of their products: one table, a row a shape.
//!
//! To add a shop, add a row with an address of it and the id in that address; the test below reads every row's own
//! example. A row tells its id by a regular expression that is held against path and query of the normalised address
//! (`/p/42?color=red`, or `/#/p/42` for a route in the fragment); the first group that took part is the id.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::escapes::{unescape_id, without_parameters};
use super::text::find_ignoring_case;

/// A shape of addresses.
pub struct Shop {
    /// Whose it is.
    pub name: &'static str,
    /// Hosts, without `www.`: `zalando.*` is any ending, `*` any host. Subdomains are meant too.
    pub hosts: &'static [&'static str],
    /// Path and query, with the id in a group.
    pub shape: &'static str,
    /// An address of this shape.
    pub example: &'static str,
    /// The id in it.
    pub id: &'static str,
}

const fn shop(
    name: &'static str,
    hosts: &'static [&'static str],
    shape: &'static str,
    example: &'static str,
    id: &'static str,
) -> Shop {
    Shop { name, hosts, shape, example, id }
}

/// Every shape, single shops before the shop systems that any host may run. The first that fits counts.
#[rustfmt::skip]
pub const SHOPS: &[Shop] = &[
    // Single shops
    shop("Amazon", &["amazon.*", "amzn.*"], r"(?i)/(?:dp|gp/product|gp/offer-listing|gp/aw/d|exec/obidos/asin|product-reviews|o/asin|d)/([a-z0-9]{10})(?:[/?&;,]|%3F|%26|$)",
         "https://www.amazon.de/-/en/Kettle-Steel/dp/B07XJ8C8F5/ref=sr_1_1?keywords=kettle", "B07XJ8C8F5"),
    shop("Amazon", &["amazon.*"], r"(?i)[?&](?:asin|pd_rd_i)=([a-z0-9]{10})(?:&|$)", "https://www.amazon.com/gp/offer?ASIN=0306406152", "0306406152"),
    shop("eBay", &["ebay.*"], r"(?i)W0QQ(?:[^/?]*QQ)?itemZ([0-9]{8,})|[?&]item=([0-9]{8,})(?:&|$)", "http://cgi.ebay.de/x_W0QQitemZ115123456789", "115123456789"),
    shop("eBay", &["ebay.*"], r"/(?:itm|p)/(?:[^/?]+/)?([0-9]{8,})(?:[/?]|$)", "https://www.ebay.co.uk/itm/Blue-Kettle/256123456789?hash=item3b", "256123456789"),
    shop("AliExpress", &["aliexpress.*"], r"/(?:item|i|store/product/[^/?]+)/(?:[^/?]+/)?(?:[0-9]+_)?([0-9]{4,})\.html", "https://de.aliexpress.com/item/1005006498402209.html?spm=a2g0o", "1005006498402209"),
    shop("AliExpress", &["aliexpress.*"], r"[?&]productIds?=([0-9]{6,})", "https://www.aliexpress.com/ssr/deals?productIds=1005004567", "1005004567"),
    shop("Alibaba", &["alibaba.com"], r"/product-detail/[^/?]*?_([0-9]{6,})\.html", "https://www.alibaba.com/product-detail/Steel-Kettle_1600123456789.html", "1600123456789"),
    shop("1688", &["1688.com"], r"/offer/([0-9]{6,})\.html", "https://detail.1688.com/offer/612345678901.html", "612345678901"),
    shop("Taobao", &["taobao.com", "tmall.com", "tmall.hk"], r"[?&]id=([0-9]{6,})(?:&|$)", "https://item.taobao.com/item.htm?ali_refid=a3&id=678901234567", "678901234567"),
    shop("Taobao", &["taobao.com"], r"/item/([0-9]{6,})\.htm", "https://world.taobao.com/item/678901234567.htm", "678901234567"),
    shop("Taobao", &["taobao.com"], r"/i([0-9]{6,})\.htm", "https://a.m.taobao.com/i612345678901.htm", "612345678901"),
    shop("Tmall", &["tmall.com"], r"/i([0-9]{6,})\.htm", "https://detail.m.tmall.com/i678901234567.htm", "678901234567"),
    shop("JD", &["jd.com", "jd.hk"], r"/(?:product/)?([0-9]{5,})\.html", "https://item.jd.com/100012043978.html", "100012043978"),
    shop("JD", &["jd.com", "jd.hk"], r"[?&](?:wareId|sku)=([0-9]{5,})", "https://item.m.jd.com/ware/view.action?wareId=100012043978", "100012043978"),
    shop("Pinduoduo", &["yangkeduo.com", "pinduoduo.com"], r"[?&]goods_id=([0-9]+)", "https://mobile.yangkeduo.com/goods.html?goods_id=401234567890", "401234567890"),
    shop("Temu", &["temu.com"], r"-g-([0-9]{9,})\.html", "https://www.temu.com/de/kettle-steel-g-601099512345678.html", "601099512345678"),
    shop("Shein", &["shein.*"], r"-p-([0-9]+)(?:-cat-[0-9]+)?\.html", "https://de.shein.com/Blue-Dress-p-12345678-cat-1727.html", "12345678"),
    shop("IKEA", &["ikea.*"], r"(?i)/p/(?:[^/?]*-)?(s?[0-9]{8})(?:[/?]|$)", "https://www.ikea.com/de/de/p/billy-buecherregal-weiss-00263850/", "00263850"),
    shop("IKEA", &["ikea.*"], r"(?i)/products/(?:[^/?]+/)*(?:[^/?]*-)?(s?[0-9]{8})(?:[/?]|$)", "https://www.ikea.com.hk/en/products/x/billy-art-00263850", "00263850"),
    shop("Walmart", &["walmart.*"], r"/ip/(?:[^/?]+/)?([0-9A-Z]{5,})(?:[/?]|$)", "https://www.walmart.com/ip/Steel-Kettle-2-qt/123456789?athbdg=L1", "123456789"),
    shop("Target", &["target.com"], r"(?i)/p/(?:[^?]*/)?A-([0-9]{6,})(?:[/?&;]|$)", "https://www.target.com/p/steel-kettle/-/A-54191097#lnk=sametab", "54191097"),
    shop("Best Buy", &["bestbuy.*"], r"/([0-9]{6,8})\.p(?:[?]|$)|/product/[^?]*/(?:sku/)?([0-9]{6,8})(?:[/?]|$)|[?&]skuId=([0-9]{6,8})", "https://www.bestbuy.com/site/kettle-steel/6443308.p?skuId=6443308", "6443308"),
    shop("Costco", &["costco.*"], r"\.product\.([0-9]+)\.html|/p/-/[^/?]+/([0-9]+)(?:[/?]|$)", "https://www.costco.com/steel-kettle.product.100412345.html", "100412345"),
    shop("Home Depot", &["homedepot.*"], r"/p/(?:[^/?]+/)?([0-9]{6,})(?:[/?]|$)", "https://www.homedepot.com/p/Drill-20V/204279858", "204279858"),
    shop("Lowe's", &["lowes.*"], r"/pd/(?:[^/?]+/)?([0-9]{6,})(?:[/?]|$)", "https://www.lowes.com/pd/Drill-20V/1000595717", "1000595717"),
    shop("Newegg", &["newegg.*"], r"(?i)/p/([0-9a-z-]{10,})(?:[/?]|$)|[?&]item=([0-9a-z-]+)", "https://www.newegg.com/amd-ryzen-7/p/N82E16819113567", "N82E16819113567"),
    shop("Mercado Libre", &["mercadolibre.*", "mercadolivre.*"], r"(?i)/(?:[^?]*/)?p/(ml[a-z][0-9]+)|/(ml[a-z]-?u?[0-9]{6,})", "https://articulo.mercadolibre.com.ar/MLA-1123456789-pava-electrica-_JM", "MLA1123456789"),
    shop("Mercado Libre", &["mercadolibre.*", "mercadolivre.*"], r"(?i)/(?:[^?]*/)?p/(ml[a-z][0-9]+)", "https://www.mercadolivre.com.br/chaleira-eletrica/p/MLB15149561", "MLB15149561"),
    shop("Rakuten", &["item.rakuten.co.jp"], r"^/([^/?]+/[^/?]+)/?(?:[?]|$)", "https://item.rakuten.co.jp/teashop/green-10/", "teashop/green-10"),
    shop("Rakuten Books", &["books.rakuten.co.jp"], r"/r[bk]/([0-9a-f]{6,})(?:[/?]|$)", "https://books.rakuten.co.jp/rb/16543210/", "16543210"),
    shop("Rakuten", &["rakuten.*"], r"/(?:mfp|offer/buy|p|product)/([0-9]{5,})(?:[/?]|$)", "https://fr.shopping.rakuten.com/offer/buy/4567890123/theiere.html", "4567890123"),
    shop("Etsy", &["etsy.com"], r"/listing/([0-9]+)(?:[/?]|$)", "https://www.etsy.com/de/listing/1012345678/blue-mug?ref=shop", "1012345678"),
    shop("Zalando", &["zalando.*", "zalando-lounge.*"], r"(?i)-([a-z0-9]{9}-[a-z0-9]{3})\.html", "https://www.zalando.de/nike-sportswear-sneaker-ni112o0hq-a11.html", "ni112o0hq-a11"),
    shop("Otto", &["otto.de"], r"(?i)/p/[^/?]*-([a-z]?[0-9a-z]{6,})/?(?:[?]|$)", "https://www.otto.de/p/bosch-wasserkocher-1234567890/?variationId=1234", "1234567890"),
    shop("MediaMarkt and Saturn", &["mediamarkt.*", "saturn.*"], r"-([0-9]{5,})\.html", "https://www.mediamarkt.de/de/product/_bosch-wasserkocher-2654321.html", "2654321"),
    shop("Lidl", &["lidl.*"], r"(?i)/p/(?:[^?]*/)?p([0-9]{5,})(?:[/?]|$)", "https://www.lidl.de/p/wasserkocher-blau/p100361234?mktc=x", "100361234"),
    shop("Sephora", &["sephora.*"], r"(?i)-(p[0-9]{5,})(?:\.html)?(?:[/?]|$)", "https://www.sephora.com/product/lip-glow-P432301?skuId=2640530", "P432301"),
    shop("dm", &["dm.de", "dm.at", "dm-drogeriemarkt.*"], r"-p([0-9]{8,14})\.html", "https://www.dm.de/tee-gruen-p4066447253344.html", "04066447253344"),
    shop("Steam", &["store.steampowered.com"], r"/app/([0-9]+)(?:[/?]|$)", "https://store.steampowered.com/app/730/CounterStrike_2/", "730"),
    shop("Decathlon", &["decathlon.*"], r"(?i)/_/r-p-([a-z0-9-]+?)(?:[/?_]|$)|[?&]mc=([0-9]+)", "https://www.decathlon.de/p/rucksack-20l/_/R-p-305744?mc=8529019", "305744"),
    shop("H&M", &["hm.com"], r"/productpage\.([0-9]+)\.html", "https://www2.hm.com/de_de/productpage.0685816001.html", "0685816001"),
    shop("Zara", &["zara.com"], r"-p([0-9]{8})\.html", "https://www.zara.com/de/de/kleid-p04387166.html?v1=3", "04387166"),
    shop("Uniqlo", &["uniqlo.com"], r"(?i)/products/([a-z]?[0-9]{6}(?:-[0-9]{3})?)", "https://www.uniqlo.com/de/de/products/E455360-000/00", "E455360-000"),
    shop("Nike", &["nike.com"], r"/t/[^/?]+/([A-Z0-9]{4,}-[A-Z0-9]{2,})", "https://www.nike.com/de/t/air-max-90-schuh/CN8490-100", "CN8490-100"),
    shop("adidas", &["adidas.*"], r"/([A-Z0-9]{6})\.html", "https://www.adidas.de/samba-og-schuh/B75806.html", "B75806"),
    shop("Wayfair", &["wayfair.*"], r"(?i)-([a-z]{1,4}[0-9]{4,})\.html", "https://www.wayfair.com/furniture/pdp/steel-chair-w001234567.html", "w001234567"),
    shop("Argos", &["argos.co.uk"], r"/product/([0-9]+)", "https://www.argos.co.uk/product/8447423", "8447423"),
    shop("John Lewis", &["johnlewis.com"], r"/p([0-9]{5,})(?:[/?]|$)", "https://www.johnlewis.com/dualit-kettle/p5632147", "5632147"),
    shop("Tesco", &["tesco.com"], r"/products/([0-9]{6,})", "https://www.tesco.com/groceries/en-GB/products/254656543", "254656543"),
    shop("Fnac and Darty", &["fnac.*", "darty.*"], r"/(a[0-9]{5,})(?:[/?]|$)", "https://www.fnac.com/a17654321/Livre-bleu", "a17654321"),
    shop("Cdiscount", &["cdiscount.com"], r"(?i)/f-[0-9]+-([a-z0-9]+)\.html", "https://www.cdiscount.com/electromenager/bouilloire/f-1100403-bos4242005.html", "bos4242005"),
    shop("Allegro", &["allegro.pl", "allegro.cz"], r"/(?:oferta|nabidka)/(?:[^/?]*-)?([0-9]{8,})(?:[/?]|$)", "https://allegro.pl/oferta/czajnik-stalowy-12345678901", "12345678901"),
    shop("bol", &["bol.com"], r"/p/[^/?]+/([0-9]{8,})(?:[/?]|$)", "https://www.bol.com/nl/nl/p/waterkoker-blauw/9300000123456789/", "9300000123456789"),
    shop("Coolblue", &["coolblue.*"], r"/(?:product|produkt)/([0-9]+)", "https://www.coolblue.nl/product/912345/waterkoker.html", "912345"),
    shop("Ozon", &["ozon.*"], r"/product/(?:[^/?]*-)?([0-9]{6,})(?:[/?]|$)", "https://www.ozon.ru/product/chaynik-stalnoy-123456789/", "123456789"),
    shop("Wildberries", &["wildberries.*"], r"/catalog/([0-9]{5,})/", "https://www.wildberries.ru/catalog/12345678/detail.aspx", "12345678"),
    shop("Flipkart", &["flipkart.com"], r"[?&]pid=([A-Z0-9]{10,})", "https://www.flipkart.com/kettle-steel/p/itm0123456789abc?pid=EKTFZ9GZ6ZGQZ7YH", "EKTFZ9GZ6ZGQZ7YH"),
    shop("Flipkart", &["flipkart.com"], r"/p/(itm[0-9a-z]+)", "https://www.flipkart.com/kettle-steel/p/itm0123456789abc", "itm0123456789abc"),
    shop("Shopee", &["shopee.*"], r"-i\.([0-9]+\.[0-9]+)|/product/([0-9]+/[0-9]+)", "https://shopee.sg/Steel-Kettle-i.12345678.9876543210", "12345678.9876543210"),
    shop("Lazada", &["lazada.*"], r"-i([0-9]{6,})(?:-s[0-9]+)?\.html", "https://www.lazada.sg/products/steel-kettle-i1234567890-s9876543210.html", "1234567890"),
    shop("Tokopedia", &["tokopedia.com"], r"^/([^/?]+/[^/?]+)/?(?:[?]|$)", "https://www.tokopedia.com/tokoteh/teh-hijau-100g", "tokoteh/teh-hijau-100g"),
    shop("Coupang", &["coupang.com"], r"/vp/products/([0-9]+)", "https://www.coupang.com/vp/products/7654321012?itemId=1", "7654321012"),
    shop("Trendyol", &["trendyol.com"], r"-p-([0-9]+)", "https://www.trendyol.com/marka/celik-caydanlik-p-123456789", "123456789"),
    shop("Hepsiburada", &["hepsiburada.com"], r"(?i)-pm?-(hb[a-z0-9]+)", "https://www.hepsiburada.com/celik-caydanlik-p-HBCV00001ABCDE", "HBCV00001ABCDE"),
    shop("Noon", &["noon.com"], r"/([A-Z][0-9]{7,}[A-Z])/p", "https://www.noon.com/uae-en/kettle/N12345678A/p/", "N12345678A"),
    shop("Open Food Facts", &["openfoodfacts.org"], r"/(?:product|produit|produkt|producto|prodotto|p)/([0-9]+)", "https://world.openfoodfacts.org/product/3017620422003/nutella", "03017620422003"),
    shop("Apple", &["apps.apple.com", "itunes.apple.com"], r"/(id[0-9]{6,})(?:[/?]|$)", "https://apps.apple.com/de/app/tee/id1234567890", "id1234567890"),
    shop("Google Play", &["play.google.com"], r"[?&]id=([A-Za-z0-9_.]+)", "https://play.google.com/store/apps/details?id=de.tee.app&hl=de", "de.tee.app"),
    shop("YouTube", &["youtu.be"], r"^/([A-Za-z0-9_-]{11})(?:[/?]|$)", "https://youtu.be/dQw4w9WgXcQ?t=4", "dQw4w9WgXcQ"),
    // Shop systems, on any host
    shop("Magento", &["*"], r"/catalog/product/view/(?:[^?]*/)?id/([0-9]+)", "https://shop.example/catalog/product/view/id/1042/s/blue-kettle/category/7/", "1042"),
    shop("Salesforce Commerce Cloud", &["*"], r"/Product-(?:Show|Variation)\?(?:[^#]*&)?pid=([^&#]+)", "https://shop.example/on/demandware.store/Sites-Shop-Site/de_DE/Product-Show?pid=M-2041", "M-2041"),
    shop("Shopify", &["*"], r"/products/([^/?]+?)(?:\.(?:js|json|html?))?/?(?:[?]|$)", "https://shop.example/collections/tea/products/green-tea?variant=4011", "green-tea"),
    shop("WooCommerce", &["*"], r"/product/([^/?]+)/?(?:[?]|$)", "https://shop.example/product/green-tea/?attribute_size=l", "green-tea"),
    shop("WooCommerce", &["*"], r"[?&]add-to-cart=([0-9]+)", "https://shop.example/?add-to-cart=1042&quantity=1", "1042"),
    shop("Shopware 6", &["*"], r"(?i)/detail/([0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:[/?]|$)", "https://shop.example/detail/0195b2f4c7d171a0a3f1c2d3e4f50617", "0195b2f4c7d171a0a3f1c2d3e4f50617"),
    shop("Shopware 5", &["*"], r"/detail/index/sArticle/([0-9]+)|[?&]sArticle=([0-9]+)", "https://shop.example/detail/index/sArticle/1042?number=SW10042", "1042"),
    shop("PrestaShop", &["*"], r"[?&]id_product=([0-9]+)", "https://shop.example/index.php?controller=product&id_product=42", "42"),
    shop("PrestaShop", &["*"], r"^/(?:[a-z]{2}(?:-[a-z]{2})?/)?(?:[^/?]+/)?([0-9]+)(?:-[0-9]+)?-[^/?]*[a-z][^/?]*\.html", "https://shop.example/de/tea/42-green-tea.html", "42"),
    shop("OpenCart", &["*"], r"[?&]product_id=([0-9]+)", "https://shop.example/index.php?product_id=42&route=product/product", "42"),
    shop("osCommerce and Zen Cart", &["*"], r"[?&]products_id=([0-9]+)", "https://shop.example/product_info.php?products_id=42", "42"),
    shop("osCommerce and xt:Commerce", &["*"], r"-p-([0-9]+)\.html|::([0-9]+)\.html", "https://shop.example/green-tea-p-42.html", "42"),
    shop("Gambio and modified", &["*"], r"[?&]info=p([0-9]+)_", "https://shop.example/product_info.php?info=p42_green-tea.html", "42"),
    shop("BigCommerce", &["*"], r"/cart\.php\?(?:[^#]*&)?(?:product_id|sku)=([^&#]+)", "https://shop.example/cart.php?action=add&sku=TEA-42", "TEA-42"),
    shop("Drupal Commerce", &["*"], r"^/(?:[a-z]{2}/)?product/([0-9]+)(?:[/?]|$)", "https://shop.example/product/42?v=7", "42"),
    shop("Wix", &["*"], r"/product-page/([^/?]+)", "https://shop.example/product-page/green-tea", "green-tea"),
    shop("Squarespace", &["*"], r"/(?:shop|store)/p/([^/?]+)", "https://shop.example/shop/p/green-tea", "green-tea"),
    shop("Ecwid", &["*"], r"-p([0-9]{6,})(?:[/?]|$)|#!/[^?]*/p/([0-9]+)", "https://shop.example/store/Green-Tea-p123456789", "123456789"),
    shop("OXID", &["*"], r"[?&](?:anid|artnum)=([^&#]+)", "https://shop.example/index.php?anid=dc5ffdf380e15674b56dd562a7cb6aec&cl=details", "dc5ffdf380e15674b56dd562a7cb6aec"),
    shop("plentymarkets", &["*"], r"_([0-9]{3,})_([0-9]{3,})/?(?:[?]|$)", "https://shop.example/tee/gruener-tee_1042_2077", "1042"),
];

/// How an id is written that a shop takes in capitals and in small letters alike.
#[derive(Clone, Copy)]
enum IdForm {
    Capitals,
    /// And without the hyphens that may part it.
    BareCapitals,
    Small,
    /// And without the hyphens that may part it.
    BareSmall,
}

/// Shops whose ids have more than one form, by the name in [`SHOPS`].
const FORMS: &[(&str, IdForm)] = &[
    ("Amazon", IdForm::Capitals),
    ("Hepsiburada", IdForm::Capitals),
    ("IKEA", IdForm::Small),
    ("Mercado Libre", IdForm::BareCapitals),
    ("Newegg", IdForm::Capitals),
    ("Sephora", IdForm::Capitals),
    ("Shopware 6", IdForm::BareSmall),
    ("Uniqlo", IdForm::Capitals),
    ("Wayfair", IdForm::Small),
    ("Zalando", IdForm::Small),
];

/// Single shops whose ids are GTINs, by the name in [`SHOPS`]; the others number by themselves.
const NUMBERED_BY_GTIN: &[&str] = &["Open Food Facts", "dm"];

/// Shop systems whose shape articles and pages of help have too, by the name in [`SHOPS`].
const OF_COMMON_FORM: &[&str] = &["PrestaShop"];

fn in_one_form(shop: &Shop, id: String) -> String {
    match FORMS.iter().find(|(name, _)| *name == shop.name).map(|(_, form)| form) {
        Some(IdForm::Capitals) => id.to_ascii_uppercase(),
        Some(IdForm::BareCapitals) => id.replace('-', "").to_ascii_uppercase(),
        Some(IdForm::Small) => id.to_ascii_lowercase(),
        Some(IdForm::BareSmall) => id.replace('-', "").to_ascii_lowercase(),
        None => id,
    }
}

/// A shape, ready to be held against addresses.
struct Shape {
    /// One of these is in every address that fits, in any case of letters; empty where nothing is known to. Nearly no
    /// address has any, and the expressions of all shop systems take longer than everything else about an address.
    words: Vec<String>,
    expression: Regex,
}

static SHAPES: LazyLock<Vec<Option<Shape>>> = LazyLock::new(|| {
    let shape = |shop: &Shop| Some(Shape { words: words(shop.shape), expression: Regex::new(shop.shape).ok()? });
    SHOPS.iter().map(shape).collect()
});

impl Shape {
    fn captures<'t>(&self, tail: &'t str) -> Option<Captures<'t>> {
        let may_fit = self.words.is_empty() || self.words.iter().any(|word| find_ignoring_case(tail, word).is_some());
        if may_fit { self.expression.captures(tail) } else { None }
    }
}

/// For each alternative of a regular expression the longest run of letters and signs that are in every text it fits;
/// nothing where one of them has none. Groups and classes are passed over.
fn words(expression: &str) -> Vec<String> {
    const SIGNS: &str = "/_-=&,;:#!";
    let (mut words, mut longest, mut run) = (Vec::new(), String::new(), String::new());
    let (mut depth, mut in_class) = (0_usize, false);
    let mut letters = expression.trim_start_matches("(?i)").chars().chain(['|']);
    while let Some(letter) = letters.next() {
        let plain = match letter {
            '\\' => letters.next().filter(|escaped| !escaped.is_ascii_alphanumeric()),
            _ if letter.is_ascii_alphanumeric() || SIGNS.contains(letter) => Some(letter),
            _ => None,
        };
        if in_class {
            in_class = plain.is_some() || letter != ']';
            continue;
        }
        if let Some(letter) = plain.filter(|_| depth == 0) {
            run.push(letter);
            continue;
        }
        if plain.is_some() {
            continue;
        }
        if matches!(letter, '?' | '*' | '{') {
            // What comes before may be missing.
            run.pop();
        }
        if run.len() > longest.len() {
            longest.clone_from(&run);
        }
        run.clear();
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '[' => in_class = true,
            // The count of a repetition.
            '{' => drop(letters.by_ref().find(|letter| *letter == '}')),
            '|' if depth == 0 && longest.is_empty() => return Vec::new(),
            '|' if depth == 0 => words.push(std::mem::take(&mut longest)),
            _ => {}
        }
    }
    words
}

/// The id by the first row that fits and whose id `is_id`, and whether it may be a GTIN.
/// `host` is lower case; `tail` is path, query and route as they are in the normalised address.
/// `is_in_shop`: no part of the path says that what is below it is not a product.
pub fn id(host: &str, tail: &str, is_in_shop: bool, is_id: impl Fn(&str) -> bool) -> Option<(String, bool)> {
    SHOPS.iter().zip(SHAPES.iter()).find_map(|(shop, shape)| {
        if !shop.hosts.iter().any(|pattern| fits(host, pattern)) || !is_in_shop && OF_COMMON_FORM.contains(&shop.name) {
            return None;
        }
        let found = shape.as_ref()?.captures(tail)?;
        let group = found.iter().skip(1).find_map(|group| group)?;
        let may_be_gtin = shop.hosts == ["*"] || NUMBERED_BY_GTIN.contains(&shop.name);
        let id = Some(unescape_id(without_parameters(group.as_str()))).filter(|id| is_id(id));
        id.map(|id| (in_one_form(shop, id), may_be_gtin))
    })
}

/// Whether the host is one of a single shop whose addresses are known.
pub fn knows(host: &str) -> bool {
    SHOPS.iter().flat_map(|shop| shop.hosts).any(|pattern| *pattern != "*" && fits(host, pattern))
}

/// Whether the host is one of the pattern's, or below one.
fn fits(host: &str, pattern: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let is_at_label = |at: usize| at == 0 || host.as_bytes().get(at - 1) == Some(&b'.');
    match pattern.strip_suffix(".*") {
        // An ending is `de` or `co.uk`.
        Some(name) => {
            let mut labels = std::iter::once(0).chain(host.match_indices('.').map(|(dot, _)| dot + 1));
            labels.any(|at| {
                let ending = host.get(at..).and_then(|labels| labels.strip_prefix(name));
                ending.is_some_and(|ending| {
                    ending.starts_with('.')
                        && ending.len() <= 8
                        && ending.bytes().filter(|byte| *byte == b'.').count() <= 2
                })
            })
        }
        None => host.strip_suffix(pattern).is_some_and(|before| is_at_label(before.len())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::product_id::ProductIdSource;
    use crate::domain::url_rules;

    #[test]
    fn every_rows_own_example_gives_its_id() {
        for (shop, shape) in SHOPS.iter().zip(SHAPES.iter()) {
            assert!(shape.is_some(), "{}: no regular expression: {}", shop.name, shop.shape);
            let facts = url_rules::read(shop.example).unwrap_or_else(|| panic!("{}", shop.example));
            assert_eq!(
                (facts.product.id.as_deref(), facts.product.source),
                (Some(shop.id), ProductIdSource::KnownShop),
                "{}: {}",
                shop.name,
                shop.example
            );
        }
    }

    #[test]
    fn words_stand_in_every_text_that_fits() {
        for (expression, expected) in [
            ("/products/([^/?]+)", &["/products/"][..]),
            (r"(?i)/t/[^/?]+/([A-Z]{4,}-[A-Z]{2,})", &["/t/"]),
            (r"-p-([0-9]+)\.html|::([0-9]+)\.html", &[".html", ".html"]),
            (r"[?&](?:id|sku)=([0-9]+)", &["="]),
            (r"/ab?c(d|e)", &["/a"]),
            (r"a{0,3}bcd", &["bcd"]),
            (r"x(\(a\)b)*\.y", &[".y"]),
            (r"[\]a]bc[^]]", &["bc"]),
            (r"-product-([0-9]+)|([0-9]+)", &[]),
            ("^/([^/?]+)$", &["/"]),
        ] {
            assert_eq!(words(expression), expected, "{expression}");
        }
        let known = SHAPES.iter().flatten().filter(|shape| shape.words.iter().any(|word| word.len() > 1)).count();
        assert!(known * 4 > SHOPS.len() * 3, "{known} of {}", SHOPS.len());
    }

    proptest! {
        #[test]
        fn words_leave_out_no_address_that_fits(shop in 0..SHOPS.len(), other in 0..SHOPS.len(), cut in 0usize..120, by in "[a-z0-9/?=&_.-]{0,4}") {
            // Parts of two shops' addresses: they fit often enough.
            let tail = |example: &'static str| example.splitn(4, '/').nth(3).unwrap_or_default();
            let (first, second) = (tail(SHOPS[shop].example), tail(SHOPS[other].example));
            let cut = cut.min(first.len());
            let text = format!("/{}{by}{}/{second}", &first[..cut], &first[cut..]);
            for shape in SHAPES.iter().flatten() {
                let ends = |found: Option<Captures<'_>>| found.and_then(|found| found.get(0).map(|all| all.range()));
                prop_assert_eq!(ends(shape.captures(&text)), ends(shape.expression.captures(&text)), "{}", text);
            }
        }
    }

    #[test]
    fn one_product_has_one_id() {
        for (id, addresses) in [
            (
                "B08N5WRWNW",
                &[
                    "https://www.amazon.de/dp/B08N5WRWNW",
                    "https://www.amazon.de/dp/b08n5wrwnw",
                    "https://www.amazon.de/dp/B08N5WRWNW&tag=x",
                    "https://www.amazon.de/dp/B08N5WRWNW%3Ftag%3Dx",
                    "https://www.amazon.de/dp/B08N5WRWNW;x",
                ][..],
            ),
            (
                "MLA1234567890",
                &[
                    "https://articulo.mercadolibre.com.ar/MLA-1234567890-celular-_JM",
                    "https://articulo.mercadolibre.com.ar/mla1234567890",
                    "https://www.mercadolibre.com.ar/celular/p/MLA1234567890",
                ],
            ),
            (
                "54191097",
                &[
                    "https://www.target.com/p/ninja/-/A-54191097?preselect=1",
                    "https://www.target.com/p/A-54191097",
                    "https://www.target.com/p/ninja-a-1/A-54191097",
                ],
            ),
            (
                "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
                &[
                    "https://shop.example/de/detail/0a1b2c3d4e5f60718293a4b5c6d7e8f9",
                    "https://shop.example/detail/0A1B2C3D4E5F60718293A4B5C6D7E8F9",
                    "https://shop.example/detail/0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9",
                ],
            ),
            (
                "115123456789",
                &[
                    "https://www.ebay.de/itm/Title-x-/115123456789",
                    "http://cgi.ebay.de/x_W0QQitemZ115123456789",
                    "http://cgi.ebay.de/x_W0QQcmdZViewItemQQitemZ115123456789QQrdZ1",
                    "https://cgi.ebay.de/ws/eBayISAPI.dll?ViewItem&item=115123456789",
                ],
            ),
        ] {
            for address in addresses {
                let product = url_rules::read(address).unwrap().product;
                assert_eq!(
                    (product.id.as_deref(), product.source),
                    (Some(id), ProductIdSource::KnownShop),
                    "{address}"
                );
            }
        }
    }

    #[test]
    fn hosts_are_matched_by_whole_labels() {
        for (host, pattern) in [
            ("amazon.de", "amazon.*"),
            ("www.amazon.co.uk", "amazon.*"),
            ("etsy.com", "etsy.com"),
            ("de.etsy.com", "etsy.com"),
            ("x.y", "*"),
        ] {
            assert!(fits(host, pattern), "{host} {pattern}");
        }
        for (host, pattern) in [
            ("notamazon.de", "amazon.*"),
            ("amazon.de.evil.example", "amazon.*"),
            ("amazonas.de", "amazon.*"),
            ("betsy.com", "etsy.com"),
            ("etsy.com.x", "etsy.com"),
        ] {
            assert!(!fits(host, pattern), "{host} {pattern}");
        }
    }
}
