//go:build tools

package main

// The generator reads the types of the package it writes for.
import _ "github.com/limelight-omni/limelight/internal/tensor"
