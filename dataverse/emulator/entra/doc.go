// Package entra is a fake Entra ID for an emulator: discovery, the token endpoint and the identity endpoint of Container
// Apps, so that the real azidentity credentials sign in ([New]).
package entra
