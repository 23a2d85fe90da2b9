"""Texts on which static scales of activations are calibrated where a user gives none.

They are meant to be unlike each other: single words, chat, complaints, news, notes, code, lists, other languages.
"""

from pathlib import Path
from typing import Final

from bitfit_exporters.errors import ExportError

ENGLISH: Final = (
    "yes",
    "no",
    "terrible",
    "Perfect!",
    "what?",
    "hello",
    "thanks a lot",
    "ok",
    "card",
    "???",
    "42",
    "not bad at all",
    "Where is my parcel? It should have been here on Tuesday.",
    "I would like to change the address of my order, please.",
    "Why was I charged twice for one ticket?",
    "The card machine refused my card three times today, although there is money on the account.",
    "how do i reset the pin of my phone",
    "Cancel my subscription now!!",
    "My transfer of 250 euros to Anna has not arrived after four days; can you look into it?",
    "Congratulations, you have won a voucher. Reply with your account number to claim it.",
    "Meet me at the station at 7, platform 4, and bring the umbrella.",
    "lol that was so funny :D see u tmrw",
    "@lena have you seen this? https://example.org/page?id=17 #weekend",
    "The soup was cold, the waiter rude, and the bill wrong: never again.",
    "A quiet, patient film that trusts its actors, and one of the best of the year.",
    "It tries to be clever and ends up being merely loud.",
    "I did not expect much, but the second half made me laugh until I cried.",
    "Great battery, poor screen, average sound.",
    "The keys stick after a week. Do not buy this keyboard.",
    "Shares of the shipping company fell by 3.4 percent on Monday after it cut its forecast for the year.",
    "The mayor of Lisbon opened the new bridge on Saturday, eleven months later than planned.",
    "Dr. Amara Osei of the University of Nairobi and her team described the fossil in March 2019.",
    "Rain is expected in the north, with gusts of up to 90 km/h along the coast.",
    "Two boys are playing football on a muddy field.",
    "A woman is slicing an onion.",
    "The cat sat on the mat. The dog lay under it.",
    "The book was written by her.",
    "The more you read, the more things you will know.",
    "Him seem to has went to the store yesterday already.",
    "Which of the two rivers is longer, and by how many kilometres?",
    "Water boils at 100 degrees Celsius at sea level, at about 71 on the highest mountain.",
    "Take 200 g of flour, two eggs and a pinch of salt; stir, wait ten minutes, and bake until golden.",
    "Section 4.2: The tenant shall give notice in writing at least three months before the end of the lease.",
    "Patient reports mild headache since Thursday, no fever, no known allergies; advised rest and fluids.",
    "def area(radius): return 3.14159 * radius ** 2",
    "SELECT name, price FROM products WHERE price < 20 ORDER BY name;",
    "Error 404: the requested page /index.php was not found on this server.",
    "Invoice no. 2024-0091, due 15/07/2024, total $1,299.00 (incl. 19% VAT)",
    "monday tuesday wednesday thursday friday saturday sunday",
    "black, white, red, green, blue, yellow",
    "THE OFFICE IS CLOSED ON PUBLIC HOLIDAYS",
    "a a a a a a a a",
    "If only I had known that the train would be late, I would have stayed at home, finished the chapter that I had "
    "promised to my editor weeks ago, and taken the one at noon instead, which, as it turned out, was empty.",
    "The museum holds some four thousand clocks. The oldest was made around 1510 and has a single hand; the newest "
    "loses a second in thirty million years. Visitors are asked not to wind them. On the first Sunday of each month "
    "the keeper sets all of them going, and for an hour nobody can hear a word. Children love it; the neighbours do "
    "not. Entry is free for pupils and students, and costs six pounds for everybody else.",
    "Question: Can I use the old charger with the new tablet? Answer: Yes, but it will charge slowly. The cable must "
    "be the one that came with the charger, since others may not carry enough current.",
)
OTHERS: Final = (
    "Wo bleibt mein Paket? Es sollte schon am Dienstag ankommen.",
    "Je voudrais changer l'adresse de livraison de ma commande, s'il vous plaît.",
    "La película fue larga, pero el final me hizo llorar.",
    "Il treno per Milano parte alle otto e dieci dal binario tre.",
    "Gdzie jest najbliższa apteka?",
    "Сколько стоит билет до Москвы?",
    "这家餐厅的服务很好,下次还会再来。",
    "明日の会議は午後三時からです。",
    "أين يمكنني أن أجد محطة القطار؟",
    "यह फ़िल्म बहुत अच्छी थी।",
)
CALIBRATION_TEXTS: Final = (*ENGLISH, *OTHERS)


def read_texts(path: Path) -> tuple[str, ...]:
    """Return the texts of a file in UTF-8, a text a line. Raises ExportError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ExportError(f"`calibration`: cannot read {path} ({error.strerror or error}); check the path") from None
    except UnicodeDecodeError:
        raise ExportError(f"`calibration`: {path} is not UTF-8 text; give a text file, a text a line") from None
    texts = tuple(line.strip() for line in lines if line.strip())
    if not texts:
        raise ExportError(f"`calibration`: {path} holds no text; give a text file, a text a line")
    return texts
