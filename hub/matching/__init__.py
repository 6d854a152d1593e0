"""Who is whom, by what two records say of a person: pure, without a database.

``person`` is what is compared, ``numbers`` and ``names`` make its values comparable, ``blocks`` find whom to compare
with, ``comparing`` weighs two persons, ``linking`` does it for a whole set.
"""
