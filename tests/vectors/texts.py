"""Texts that try a tokenizer: sentences in many scripts, and drawn ones of what is rare."""

import random
from typing import Final

from vectors.tables import CHARACTERS, combining_classes

SENTENCES: Final = (
    "",
    " ",
    "\t\r\n \u00a0\u3000",
    "\u200b\u200d\ufeff\u00ad",
    "Please send the blue box to Anna in Lisbon by Friday, not the red one.",
    "The parcel isn't here: it's late!!! Why?",
    'Ben\'s card (no. 4-17) was "declined" at 10:30 a.m. on 2026-11-29; see U.S. rules, 5% off, $5, #1, @ann.',
    "Die Straße ist übergroß, naïve Café-Gäste ÄÖÜ ẞ.",
    "Où est la lettre d'été ? Là-bas, cœur Œuvre æther Ærø.",
    "El niño comió ¿qué? ¡Mañana! Ñandú, pingüino.",
    "Zażółć gęślą jaźń, ŁÓDŹ; příliš žluťoučký kůň; İstanbul ıslak ğüşöç.",
    "Tôi đi bộ ở Hà Nội, trời mưa. Ệ ệ e\u0323\u0302 e\u0302\u0323",
    "Ο καιρός είναι καλός, ΟΔΟΣ Σίσυφος; ᾳ ᾴ ᾼ ΐ",
    "Поезд опаздывает на 12 минут, ёж и Йод. Київ їжак.",
    "שָׁלוֹם עולם, הספר על השולחן.",
    "اَلْقِطَارُ مُتَأَخِّرٌ اليوم ، لا؟",
    "मैं कल दिल्ली जाऊँगा। क़िला",
    "ฉันจะไปตลาดพรุ่งนี้ น้ำ",
    "ဒီနေ့ မိုးရွာတယ်။",
    "ខ្ញុំទៅផ្សារ។",
    "ສະບາຍດີ ຂ້ອຍ",
    "我明天去北京,雨很大。㐀 𠀀 𪜶 豈 丽",
    "東京タワーはとても高い。ｶﾞｷﾞ がぎ カ\u3099 々〆",
    "한국어 문장입니다. 각 갂 힣 \u1100\u1161\u11a8",
    "አማርኛ ጽሑፍ ነው።",
    "ᎣᏏᏲ ꭰꭱ Ꭰ",
    "𐐀𐐨 𝐀𝒜 𞤀𞤢𞥄 🅰 Ⓐⓐ Ⅷ ⅷ",
    "👍🏽 👩‍👩‍👧‍👦 🇩🇪 ❤️ 😀text😀",
    "a\u0301b\u0323\u0301c\u0338 =\u0338 <\u0338 ≠ ≮ Å Å A\u030a \u0344 \u0f73",
    "\u1d15e 𝅗𝅥 𝅘𝅥𝅮 𝅘𝅥𝅮 \u302e\u16ff0 n\u302e\u05b6 x\u1b44\u0327\u302f",
    "[CLS] a [SEP] b [MASK][MASK] [mask] [PAD][UNK]",
    "x[MASK]ed <user>s <user> <USER> a::b :::",
    "[CLS][SEP",
    "x" * 100,
    "x" * 101,
    "é" * 100 + " " + "é" * 101,
    "abcdefghijkl abcdefghijklm",
    "supercalifragilistic trains stations uncoverable lightness bridges doored 2026th 100000",
    "a\x00b\x01c\x7fd\x80e\x85f\u2028g\u2029h\ufffdi\ue000j\U000f0000k\U0010ffffl",
    "Paris,London;(Rome)[Oslo]{Bern}<Kyiv>|Riga\\Faro/Brno_Vaduz`Minsk~Split^Delft",
    "1,000.50 €5 £6 ¥7 ½ ² ³ ₂ ① ٣ ३ 一 10km 5°C n° №5",
    "end. \u200b. \u200d, a\u200bb a\u00adb \u2060x\u2060 ‘quoted’ “double” «guillemets» – — …",
    "tab\tnew\nline\rreturn\x0bvertical\x0cform",
    "\u0301 \u0301a \u0e31 \u0e31ก \ufe0f a\ufe0f \u20e3 1\u20e3",
    "don't can't O'Neill rock'n'roll Ann’s 'tis y'all's",
    "https://example.org/a_b?c=d&e=f#g mail@example.org +49-30/123 C++ C# .NET",
)
SCRIPTS: Final = (
    range(0x20, 0x7F), range(0xA0, 0x250), range(0x300, 0x370), range(0x370, 0x530), range(0x590, 0x700),
    range(0x900, 0xE00), range(0xE00, 0x1100), range(0x1100, 0x1200), range(0x1E00, 0x2000), range(0x2000, 0x2C00),
    range(0x3000, 0x3200), range(0x4E00, 0x4F00), range(0xA640, 0xAC00), range(0xAC00, 0xAD00), range(0xF900, 0xFB50),
    range(0xFB50, 0x10000), range(0x10000, 0x11000), range(0x11000, 0x12000), range(0x1D100, 0x1D800),
    range(0x1E000, 0x1F000), range(0x1F300, 0x1FA00), range(0x2F800, 0x2FA20), range(0xE0000, 0xE0200),
)  # fmt: skip
LONGEST: Final = 24


def drawn(count: int, seed: int = 19) -> list[str]:
    """Return texts of characters of one script each, of marks, or of all, with spaces and added tokens in between."""
    rng = random.Random(seed)
    marks, known, found = sorted(combining_classes()), set(CHARACTERS), list[str]()
    for index in range(count):
        own = SCRIPTS[index % len(SCRIPTS)]
        sources = (own, own, own, marks, range(0x61, 0x7B), (0x20,), CHARACTERS if index % 5 == 0 else own)
        codes = [rng.choice(rng.choice(sources)) for _ in range(rng.randrange(2, LONGEST))]
        text = "".join(chr(code) for code in codes if code in known)
        if index % 11 == 0:
            place = rng.randrange(len(text) + 1)
            text = text[:place] + rng.choice(("[MASK]", "[CLS]", "[SEP", "<user>s", "::")) + text[place:]
        found.append(text)
    return found
