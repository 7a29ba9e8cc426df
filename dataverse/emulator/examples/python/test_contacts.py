"""python3 -m unittest test_contacts"""
import json
import unittest
import urllib.error

from emulator import Emulator


class Contacts(unittest.TestCase):
    def test_a_plug_in_refuses_the_delete(self):
        with Emulator("--organization", "Contoso") as crm:
            crm.call("POST", "/emulator/load", {"rows": [
                {"table": "contact", "as": "ida", "values": {"firstname": "Ida", "lastname": "Berg", "createdon": "2019-05-06T07:08:09Z"}}]})
            crm.call("POST", "/emulator/hooks", {"table": "contact", "message": "Delete", "refuse": {"message": "Ida stays."}})
            ida = crm.call("GET", "contacts?$select=fullname,createdon")["value"][0]
            self.assertEqual((ida["fullname"], ida["createdon"]), ("Ida Berg", "2019-05-06T07:08:09Z"))
            with self.assertRaises(urllib.error.HTTPError) as refused:
                crm.call("DELETE", "contacts(" + ida["contactid"] + ")")
            self.assertEqual(json.load(refused.exception)["error"]["message"], "Ida stays.")
            self.assertEqual(crm.call("GET", "/emulator/hooks")[0]["hits"], 1)


if __name__ == "__main__":
    unittest.main()
