//! The rungs of the decode ladder by name: a closed list, so that it can be a metric label.

crate::closed_list! {
    /// A rung: a reader at a picture of some size, in the order they run. The name is in rows and metrics.
    RungName {
        /// zxing, at 500 pixels.
        Zxing500 = "zxing_500",
        /// Our own reader, at 800 pixels.
        Own800 = "own_800",
        /// zxing, at 1000 pixels.
        Zxing1000 = "zxing_1000",
        /// zxing, at a small picture made larger.
        ZxingLarge = "zxing_large",
        /// Our own reader, blurred, at 800 pixels.
        OwnBlur800 = "own_blur_800",
        /// Our own reader, for codes made into art, at 250 pixels.
        OwnArt250 = "own_art_250",
        /// zxing, at 125 pixels.
        Zxing125 = "zxing_125",
        /// Our own reader, for codes made into art, at 400 pixels.
        OwnArt400 = "own_art_400",
        /// Our own reader, by two finder patterns, at 800 pixels.
        OwnTwo800 = "own_two_800",
        /// Our own reader, at 1600 pixels.
        Own1600 = "own_1600",
        /// Our own reader, by two finder patterns, at 1600 pixels.
        OwnTwo1600 = "own_two_1600",
        /// zxing, at 2000 pixels.
        Zxing2000 = "zxing_2000",
        /// Our own reader, on bent paper, at 1600 pixels.
        OwnBent1600 = "own_bent_1600",
        /// Our own reader, in shadow, at 800 pixels.
        OwnShadow800 = "own_shadow_800",
        /// zxing, at every pixel, and second looks at parts.
        ZxingFull = "zxing_full",
        /// `rqrr`, at 800 pixels.
        Rqrr800 = "rqrr_800",
        /// All of them, at the opacity of a photo.
        Opacity = "opacity",
        /// All of them, at its redness.
        Redness = "redness",
        /// All of them, at its blueness.
        Blueness = "blueness",
    }
}
