"""A service's text, made safe to show: no credential, one line, no effect on the display.

A service may quote what it was sent, in any encoding and any number of them. Masking would have to
find each form of each value. This package decodes the text instead: it shows a text only if no
secret can be read in any decoding of it, and otherwise withholds the whole text.
"""
