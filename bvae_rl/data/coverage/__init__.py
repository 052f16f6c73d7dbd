"""How much of a world its frames show.

Read ``figures`` (what is measured) first, then ``of_store`` (measured once, and said in words);
``file`` is where it is kept.
"""
