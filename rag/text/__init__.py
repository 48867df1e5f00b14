"""What a text is made of; knows no document and no question.

lists.py         the English in ``english/``: word lists and patterns as data, one fact a file
words.py         words, stems, names: the units in which two statements are compared
negation.py      what a negation governs
dates.py         the grammar of dates
number_words.py  "two and a half million", "two-thirds of"
quantities.py    numbers, money, shares, dates and ranges in normal form: what two sources can disagree about
sentences.py     spans that tile a text
blocks.py        heading, prose, list, table or boilerplate, by the shape of lines
boilerplate.py   lines of a page that say nothing of its subject, by their words
invisible.py     characters that draw nothing
wiki.py          wiki markup that a text still carries
"""
