package main

func vectors(s set) {}
