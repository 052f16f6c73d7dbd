"""What may happen to a picture without changing the state that it shows.

``variations`` lists, by the name that a user gives (``against=("colour", "light")``), what an
encoder can be made to ignore; each is one function, in a file of its own: it draws numbers for
every picture and hands them to a pure function. ``appearances`` has the milder changes that pairs
of frames are made of.
"""
