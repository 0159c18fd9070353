"""Metrics of the evaluations, as the papers define them: arrays in, numbers out.

`clicks` (ScreenSpot), `regions` (RefCOCO, Flickr30k Entities, open vocabulary), `video` (DAVIS),
`calibration`, and for all of them `intervals` and `compare`.
"""
