// Package testservers starts real servers for tests.
package testservers
