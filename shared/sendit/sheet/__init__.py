"""The contact sheet: pictures of what came out, on one page, for a person's last look before it is shared.

`found` reads what lies below OUT, `choice` says in which order and which of it is shown, `grey` and `picture` make an
8-bit picture of a frame as PS3.3 C.7.6.3, C.11.1 and C.11.2 say, `page` writes HTML, `making` joins them.
numpy and Pillow are needed for pictures alone and imported by `grey` and `picture` alone.
"""
