"""What a finished VAE shows, what it leaves out, and what to do about it.

Read ``judge`` (in numbers) first, then ``words`` (in sentences). ``explained`` has the arithmetic
of pictures, ``idle`` the latents that do not tell frames apart.
"""
